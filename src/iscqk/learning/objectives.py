"""What each method minimises in a step, over one and the same encoder, loader and optimiser."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from iscqk.errors import UserError
from iscqk.learning import distributed
from iscqk.learning.training_rules import refuse_few_at_once, refuse_norms_of_parts
from iscqk.models.encoder import Encoder
from iscqk.models.modes import batch_norms
from iscqk.models.torch_internals import BatchNorm


class Health(NamedTuple):
    """How well a batch of B items is told apart, as it is logged.

    Attributes:
        positive: (B,) similarity to the positive.
        negative: (B,) similarity to the nearest negative.
        rows: (B, D) unit rows of different images, which the loss looked at.
    """

    positive: Tensor
    negative: Tensor
    rows: Tensor


class Outcome(NamedTuple):
    """A step's loss, and its state of health where that was asked for."""

    loss: Tensor
    health: Health | None = None


def mean_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of a batch from those of its equal parts."""
    loss = torch.stack([outcome.loss.detach() for outcome in outcomes]).mean()
    healths = [outcome.health for outcome in outcomes if outcome.health]
    if not healths:
        return Outcome(loss)
    return Outcome(loss, Health(*map(torch.cat, zip(*healths, strict=True))))


class Objective(nn.Module, ABC):
    """A method's loss with what it trains or remembers beside the encoder.

    Its parameters that require a gradient are trained with the encoder's head; its state dict is
    part of the resume state.

    Attributes:
        temperature: of the softmax that is trained, as it is now.
        accumulates: whether a batch's loss is the mean of its parts' losses.
        image_of: tells of items' numbers (B,) which image each is of; several pairs may be of one.
    """

    accumulates = False
    temperature: float
    image_of: Callable[[Tensor], Tensor] = staticmethod(lambda numbers: numbers)

    @abstractmethod
    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return the outcome of a batch.

        Args:
            encoder: what is trained.
            pixels: (B, 3, S, S) uint8 images, or (B, 2, 3, S, S) pairs.
            indices: (B,) the items' numbers.
            health: whether to measure similarities too.

        Under several processes these are the process's part of the batch, and the outcome is the
        whole batch's.
        """

    @property
    def own_norms(self) -> list[BatchNorm]:
        """Batch norms of its heads, which are new: without a batch's statistics they do nothing.

        Those of encoders may stay as they were before the training.
        """
        encoders = [module for module in self.modules() if isinstance(module, Encoder)]
        others = {id(module) for encoder in encoders for module in encoder.modules()}
        return [norm for norm in batch_norms(self) if id(norm) not in others]

    def let_learn(self, encoder: Encoder, batch_norm: str) -> None:
        """Have dropout take part, and batch norms as `batch_norm` says: `frozen` or `batch`."""
        for module in (encoder, self):
            module.train()
            for norm in batch_norms(module):
                norm.train(batch_norm == "batch")
        for norm in self.own_norms:
            norm.train()

    def refuse_split(
        self, encoder: Encoder, batch: int, parts: int, batch_norm: str, smallest: int
    ) -> None:
        """Refuse parts of a batch that do not add up to it, or are too small for loss or norms.

        Args:
            encoder: what is trained.
            batch: items.
            parts: of it, which the backbone takes one after the other.
            batch_norm: `frozen` or `batch`.
            smallest: items that the loss needs at once, were it without norms.

        Raises:
            UserError: they are.
        """
        if parts > 1 and not self.accumulates:
            raise UserError("accumulate: only Q/K's loss of a batch is the mean of its parts'")
        takes_statistics = batch_norm == "batch" and len(batch_norms(encoder)) > 0
        refuse_norms_of_parts(parts, takes_statistics)
        of_several = takes_statistics or len(self.own_norms) > 0
        takes = {"the loss": smallest, "batch norm": 2 if of_several else 1}
        refuse_few_at_once(batch, parts, takes)

    def after_step(self, encoder: Encoder) -> None:  # noqa: B027  # most have nothing to follow
        """Follow the encoder, which has just taken a step."""

    def shipped(self, encoder: Encoder) -> Encoder:
        """Return the encoder that describes images after training."""
        return encoder


class ProjectionHead(nn.Module):
    """Where the loss looks at an image: its descriptor, its features, or a projection of them."""

    def __init__(self, encoder: Encoder, head: str) -> None:
        """Choose the head.

        Args:
            encoder: it is for.
            head: `descriptor`, the encoder's own; `none`, the features as they are (ISD's
                ResNet-18); `mlp`, MoCo v2's (arXiv:2003.04297); or `mlp_bn`, that of ISD's
                ResNet-50, with batch norm. All but the first are dropped after training.
        """
        super().__init__()
        size = encoder.head.in_features
        self.head = head
        self.size = {"none": size, "mlp": 128, "mlp_bn": max(size // 4, 128)}.get(
            head, encoder.head.out_features
        )
        self.layers: nn.Module = nn.Identity()
        if head == "mlp":
            self.layers = mlp(size, size, self.size, batch_norm=False)
        elif head == "mlp_bn":
            self.layers = mlp(size, 2 * size, self.size, batch_norm=True)

    def forward(self, encoder: Encoder, pixels: Tensor) -> Tensor:
        """Return unit rows (B, D) of uint8 images (B, 3, S, S), those of all processes."""
        features = distributed.all_gather(encoder.features(pixels))
        if self.head == "descriptor":
            return encoder.project(features)
        return functional.normalize(self.layers(features), dim=1)


def mlp(size: int, hidden: int, output: int, batch_norm: bool) -> nn.Sequential:
    """Return Linear, batch norm where asked for, ReLU, Linear."""
    norm = [nn.BatchNorm1d(hidden)] if batch_norm else []
    first = nn.Linear(size, hidden, bias=not batch_norm)
    return nn.Sequential(first, *norm, nn.ReLU(), nn.Linear(hidden, output))


@torch.no_grad()
def pair_health(
    first: Tensor, second: Tensor, negatives: Tensor, images: Tensor | None = None
) -> Health:
    """Return the health of pairs: of their first rows (B, D), beside second ones and negatives.

    Where `negatives` are the seconds themselves, each one's own is left out, and with it those of
    the same image, where `images` (B,) tells of which they are.
    """
    positive = (first * second).sum(1)
    if not len(negatives):
        return Health(positive, torch.full_like(positive, -1), first.detach())
    matrix = first @ negatives.T
    if negatives is second:
        images = torch.arange(len(first), device=first.device) if images is None else images
        matrix = matrix.masked_fill(images[:, None] == images, -torch.inf)
    return Health(positive, matrix.amax(1), first.detach())
