"""Whether a training is still sound: finite numbers, and descriptors that differ."""

import logging
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from iscqk.errors import UserError
from iscqk.learning import distributed
from iscqk.learning.checkpoint import Checkpoint
from iscqk.learning.data_loading import Images
from iscqk.models.collapse import COLLAPSED
from iscqk.models.weights import not_finite

logger = logging.getLogger(__name__)


class NotFinite(Exception):
    """A number of the training is NaN or infinite; says which."""


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return the norm of all gradients together: not finite where one of them is not."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)


def refuse_not_finite(*modules: nn.Module) -> None:
    """Raise NotFinite where a weight or statistic is not, before it is kept."""
    for module in modules:
        if name := not_finite(module.state_dict()):
            raise NotFinite(f"the step made {name} NaN or infinite")


def stop_error(
    error: NotFinite,
    step: int,
    images: Images,
    indices: Tensor,
    checkpoint: Checkpoint,
    saved: int | None,
) -> UserError:
    """Return what a user is told of a training that has to stop.

    Args:
        error: why.
        step: from 0.
        images: that are learned from.
        indices: (B,) of the batch, this process's part of it.
        checkpoint: the resume state, which stays.
        saved: the step that it holds.
    """
    batch = distributed.all_gather(indices).tolist()
    kept = "no step was kept yet"
    if saved is not None:
        kept = (
            f"{checkpoint.place} keeps step {saved}, from where the same command comes here again"
        )
    names = " ".join(dict.fromkeys(images.name(index) for index in batch))
    return UserError(
        f"step {step + 1}: {error}; {kept}; lower train.METHOD.learning_rate or set "
        "train.precision to fp32, which starts this training anew; the images of the batch: "
        f"{names}"
    )


def warn_of_collapse(step: int, rank: float, history: Sequence[dict[str, float]]) -> None:
    """Log a warning where a batch's effective rank says collapse and the last one's did not."""
    before = history[-1]["effective_rank"] if history else COLLAPSED
    if rank < COLLAPSED <= before:
        logger.warning(
            "step %d: collapse, the batch's images are all described alike (effective rank %.3f); "
            "lower train.METHOD.learning_rate, or raise the temperature or the batch size",
            step, rank,
        )  # fmt: skip
