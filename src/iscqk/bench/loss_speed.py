"""What a step's loss over the bank costs, beside what else people would use for it."""

from collections.abc import Callable, Iterator

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from iscqk.bench.loss_problem import (
    TEMPERATURE,
    LossAndGradient,
    Problem,
    bare_products,
    errors,
)
from iscqk.bench.measuring import median_seconds, take_turns
from iscqk.learning.bank_loss import bank_loss
from iscqk.learning.frozen_side import FrozenSide
from iscqk.learning.moco import moco_loss
from iscqk.methods import qk
from iscqk.methods.qk.objective import FrozenBank
from iscqk.models.encoder import Encoder

# A contender whose runs have taken this long is not run again, in seconds.
_ENOUGH = 10.0

Step = Callable[[], LossAndGradient | None]


def steps(problem: Problem) -> dict[tuple[str, str], Step]:
    """Return what to compare: loss and gradient to the queries, by name and precision."""
    queries, bank, rounded = problem.queries, problem.bank, problem.rounded
    targets = problem.targets

    def cross_entropy(queries: Tensor) -> Tensor:
        return functional.cross_entropy(queries @ bank.T / TEMPERATURE, targets)

    def queue(queries: Tensor) -> Tensor:
        """MoCo's step with a queue of that length; its positive stands beside the queue."""
        return moco_loss(queries, bank[targets], bank, TEMPERATURE)

    def ours(bank: Tensor) -> Step:
        return lambda: _with_gradient(queries, lambda q: bank_loss(q, bank, targets, TEMPERATURE))

    return {
        ("two matrix products", "fp32"): lambda: bare_products(queries, bank),
        ("two matrix products", "bf16"): lambda: bare_products(queries.bfloat16(), rounded),
        ("cross_entropy", "fp32"): lambda: _with_gradient(queries, cross_entropy),
        ("MoCo queue", "fp32"): lambda: _with_gradient(queries, queue),
        ("blocked", "fp32"): lambda: problem.blocked(queries, bank),
        ("bank_loss", "fp32"): ours(bank),
        ("bank_loss", "bf16"): ours(rounded),
    }


def _with_gradient(queries: Tensor, function: Callable[[Tensor], Tensor]) -> LossAndGradient:
    queries = queries.clone().requires_grad_()
    loss = function(queries)
    loss.backward()
    assert queries.grad is not None
    return loss.detach(), queries.grad


def compare_losses(batch_size: int, rows: int, dimension: int, repeats: int) -> pd.DataFrame:
    """Return time, memory and error of each way to a loss and its gradient, side by side.

    The ways take turns, `repeats` times each, and their medians are compared. `times_naive` is how
    many times faster than float32 cross entropy a way is, `of_products` the time of the bare
    products of its precision as a share of its own. MoCo's loss counts the positive twice here,
    and has no error to measure.
    """
    problem = Problem(batch_size, rows, dimension)
    measured = take_turns(steps(problem), repeats, _ENOUGH)
    seconds = {key: median_seconds(runs) for key, runs in measured.items()}
    exact = {precision: problem.exact(precision) for precision in ("fp32", "bf16")}
    return pd.DataFrame(
        {
            "batch_size": batch_size,
            "rows": rows,
            "way": name,
            "precision": precision,
            "seconds": seconds[name, precision],
            "times_naive": seconds["cross_entropy", "fp32"] / seconds[name, precision],
            "of_products": seconds["two matrix products", precision] / seconds[name, precision],
            # The smallest, since the first run may set something up for good.
            "extra_mib": min(one.extra_mib for one in runs),
            **_errors(runs[0].found if name != "MoCo queue" else None, exact[precision]),
        }
        for (name, precision), runs in measured.items()
    )


def _errors(found: LossAndGradient | None, exact: LossAndGradient) -> dict[str, float | None]:
    columns = ("loss_error", "gradient_error")
    return dict(zip(columns, errors(found, exact) if found else (None, None), strict=True))


def compare_step(
    encoder: Encoder, batch_size: int, rows: int, repeats: int
) -> Iterator[dict[str, float | str]]:
    """Yield the median seconds of a Q-step's parts: encoder forward, loss, backward."""
    bank = Problem(1, rows, encoder.head.out_features).bank
    objective = FrozenBank(FrozenSide(bank), qk.Settings(temperature=TEMPERATURE))
    size = encoder.config.image_size
    images = torch.randint(256, (batch_size, 3, size, size), dtype=torch.uint8)
    targets = torch.randint(rows, (batch_size,))
    encoder.train()
    queries = encoder(images).detach().requires_grad_()

    def whole() -> None:
        encoder.zero_grad(set_to_none=True)
        objective(encoder, images, targets, False).loss.backward()

    def loss_alone() -> None:
        bank_loss(queries, bank, targets, TEMPERATURE).backward()

    parts = {"whole step": whole, "loss and its gradient": loss_alone}
    whole()  # the first one builds its kernels
    measured = take_turns(parts, repeats, _ENOUGH)
    medians = {name: median_seconds(runs) for name, runs in measured.items()}
    for name, taken in medians.items():
        yield {"part": name, "batch_size": batch_size, "rows": rows, "seconds": taken,
               "share": taken / medians["whole step"]}  # fmt: skip
