"""What a step's loss over the bank costs, beside what else people would use for it."""

from collections.abc import Callable, Iterator

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from iscqk.bench.measuring import median_seconds, take_turns
from iscqk.learning.attention import BLOCK, blockwise
from iscqk.learning.bank_loss import bank_loss
from iscqk.methods import qk
from iscqk.methods.moco.objective import moco_loss
from iscqk.methods.qk.objective import FrozenBank
from iscqk.models.encoder import Encoder

TEMPERATURE = 0.05
# A contender whose runs have taken this long is not run again, in seconds.
_ENOUGH = 10.0

Step = Callable[[], tuple[Tensor, Tensor] | None]


class Problem:
    """Queries near their positives, as half-trained ones are, and a bank of unit rows."""

    def __init__(self, batch_size: int, rows: int, dimension: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.bank = torch.empty(rows, dimension)
        for block in self.bank.split(BLOCK):
            block.copy_(functional.normalize(torch.randn(block.shape, generator=generator), dim=1))
        self.rounded = self.bank.to(torch.bfloat16)
        self.targets = torch.randint(rows, (batch_size,), generator=generator)
        noise = torch.randn(batch_size, dimension, generator=generator) * dimension**-0.5
        self.queries = functional.normalize(self.bank[self.targets] + noise, dim=1)

    def steps(self) -> dict[tuple[str, str], Step]:
        """Return what to compare: loss and gradient to the queries, by name and precision."""
        return {
            ("two matrix products", "fp32"): lambda: self._products(self.queries, self.bank),
            ("two matrix products", "bf16"): lambda: self._products(
                self.queries.bfloat16(), self.rounded
            ),
            ("cross_entropy", "fp32"): lambda: self._loss(self._cross_entropy),
            ("MoCo queue", "fp32"): lambda: self._loss(self._queue),
            ("blocked", "fp32"): lambda: self._blocked(self.queries, self.bank),
            ("bank_loss", "fp32"): lambda: self._loss(lambda q: self._bank_loss(q, self.bank)),
            ("bank_loss", "bf16"): lambda: self._loss(lambda q: self._bank_loss(q, self.rounded)),
        }

    def exact(self, precision: str) -> tuple[Tensor, Tensor]:
        """Return loss and gradient in float64, over the bank as it is in that precision."""
        bank = self.bank if precision == "fp32" else self.rounded
        return self._blocked(self.queries.double(), bank)

    def _products(self, queries: Tensor, bank: Tensor) -> None:
        """Do the arithmetic that no exact way can do without, and nothing else."""
        for rows in bank.split(BLOCK):
            (queries @ rows.T) @ rows

    def _loss(self, function: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        queries = self.queries.clone().requires_grad_()
        loss = function(queries)
        loss.backward()
        assert queries.grad is not None
        return loss.detach(), queries.grad

    def _cross_entropy(self, queries: Tensor) -> Tensor:
        return functional.cross_entropy(queries @ self.bank.T / TEMPERATURE, self.targets)

    def _queue(self, queries: Tensor) -> Tensor:
        """MoCo's step with a queue of that length; its positive stands beside the queue."""
        return moco_loss(queries, self.bank[self.targets], self.bank, TEMPERATURE)

    def _blocked(self, queries: Tensor, bank: Tensor) -> tuple[Tensor, Tensor]:
        """Compute in the precision of the queries."""
        positives = bank[self.targets].to(queries.dtype)
        log_z, mean = blockwise(queries / TEMPERATURE, bank)
        loss = (log_z - (queries * positives).sum(1) / TEMPERATURE).mean()
        return loss, (mean - positives) / (TEMPERATURE * len(queries))

    def _bank_loss(self, queries: Tensor, bank: Tensor) -> Tensor:
        return bank_loss(queries, bank, self.targets, TEMPERATURE)


def compare_losses(batch_size: int, rows: int, dimension: int, repeats: int) -> pd.DataFrame:
    """Return time, memory and error of each way to a loss and its gradient, side by side.

    The ways take turns, `repeats` times each, and their medians are compared. `times_naive` is how
    many times faster than float32 cross entropy a way is, `of_products` the time of the bare
    products of its precision as a share of its own. MoCo's loss counts the positive twice here,
    and has no error to measure.
    """
    problem = Problem(batch_size, rows, dimension)
    measured = take_turns(problem.steps(), repeats, _ENOUGH)
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


def _errors(
    found: tuple[Tensor, Tensor] | None, exact: tuple[Tensor, Tensor]
) -> dict[str, float | None]:
    """Return relative errors of loss and gradient, the latter in the Euclidean norm."""
    if found is None:
        return {"loss_error": None, "gradient_error": None}
    (loss, gradient), (true_loss, true_gradient) = found, exact
    difference = (gradient.double() - true_gradient).norm() / true_gradient.norm()
    return {
        "loss_error": abs(loss.item() / true_loss.item() - 1),
        "gradient_error": difference.item(),
    }


def compare_step(
    encoder: Encoder, batch_size: int, rows: int, repeats: int
) -> Iterator[dict[str, float | str]]:
    """Yield the median seconds of a Q-step's parts: encoder forward, loss, backward."""
    bank = Problem(1, rows, encoder.head.out_features).bank
    objective = FrozenBank(bank, 1, qk.Settings(temperature=TEMPERATURE))
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
