"""MoCo and ISD: a slowly moving second encoder and a queue of what it made of earlier batches."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from iscqk.errors import UserError
from iscqk.learning.isd import isd_loss
from iscqk.learning.moco import moco_loss
from iscqk.learning.objectives import Objective, Outcome, Projection, mlp, pair_health
from iscqk.models.encoder import Encoder


class Queue(nn.Module):
    """The newest K rows, first in, first out; fewer until K have come, and never random ones."""

    def __init__(self, size: int, dimension: int) -> None:
        """Make an empty queue of at most `size` rows (K, D)."""
        super().__init__()
        self.buffer: Tensor
        self.count: Tensor  # rows that ever came
        self.register_buffer("buffer", torch.zeros(size, dimension))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @property
    def rows(self) -> Tensor:
        """The rows there are, (at most K, D), in no order; a view, no copy."""
        return self.buffer[: min(int(self.count), len(self.buffer))]

    def append(self, rows: Tensor) -> None:
        """Add rows (B, D), over the oldest where it is full; UserError when it holds fewer."""
        if len(rows) > len(self.buffer):
            raise UserError(
                f"a queue of {len(self.buffer)} is shorter than a batch of {len(rows)}; raise it"
            )
        places = torch.arange(len(rows), device=rows.device) + self.count
        self.buffer[places % len(self.buffer)] = rows
        self.count += len(rows)


class _Momentum(Objective):
    """What both share: the slow encoder with its projection, and the queue."""

    def __init__(self, encoder: Encoder, head: str, queue: int, momentum: float) -> None:
        super().__init__()
        self.projection = Projection(encoder, head)
        self.slow_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.slow_projection = copy.deepcopy(self.projection).requires_grad_(False)
        self.queue = Queue(queue, self.projection.size)
        self.momentum = momentum
        self._newest: Tensor | None = None

    @torch.no_grad()
    def slow_rows(self, pixels: Tensor) -> Tensor:
        """Return what the slow encoder makes of images; the queue takes it after the step."""
        self._newest = self.slow_projection(self.slow_encoder, pixels)
        return self._newest

    @torch.no_grad()
    def after_step(self, encoder: Encoder) -> None:
        """Move the slow encoder, parameters only as published, and queue what it made."""
        _move(self.slow_encoder, encoder, self.momentum)
        _move(self.slow_projection, self.projection, self.momentum)
        if self._newest is not None:
            self.queue.append(self._newest)


def _move(slow: nn.Module, fast: nn.Module, momentum: float) -> None:
    for mine, its in zip(slow.parameters(), fast.parameters(), strict=True):
        mine.lerp_(its, 1 - momentum)


class MomentumContrast(_Momentum):
    """MoCo v2 (arXiv:1911.05722, arXiv:2003.04297): the copy is the query, its partner the key."""

    def __init__(
        self, encoder: Encoder, head: str, queue: int, momentum: float, temperature: float
    ) -> None:
        super().__init__(encoder, head, queue, momentum)
        self.temperature = temperature

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return InfoNCE of pairs against the queue."""
        query, key = self.projection(encoder, pixels[:, 0]), self.slow_rows(pixels[:, 1])
        rows = self.queue.rows
        loss = moco_loss(query, key, rows, self.temperature)
        return Outcome(loss, *pair_health(query, key, rows)) if health else Outcome(loss)


class SelfDistillation(_Momentum):
    """ISD (arXiv:2012.09259): the student sees the copy, the slow teacher its partner.

    The student predicts the teacher's similarities to the queue through an MLP of its own. The
    teacher is what is shipped.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: str,
        queue: int,
        momentum: float,
        student_temperature: float,
        teacher_temperature: float,
    ) -> None:
        super().__init__(encoder, head, queue, momentum)
        size = self.projection.size
        hidden = 8 * size if head == "mlp_bn" else size  # of ISD's ResNet-50 and ResNet-18
        self.predictor = mlp(size, hidden, size, batch_norm=True)
        self.temperature, self.teacher_temperature = student_temperature, teacher_temperature

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return the divergence of the student's similarities from the teacher's."""
        projected = self.projection(encoder, pixels[:, 0])
        student = functional.normalize(self.predictor(projected), dim=1)
        teacher, rows = self.slow_rows(pixels[:, 1]), self.queue.rows
        loss = isd_loss(student, teacher, rows, self.temperature, self.teacher_temperature)
        return Outcome(loss, *pair_health(student, teacher, rows)) if health else Outcome(loss)

    def shipped(self, encoder: Encoder) -> Encoder:
        """Return the teacher."""
        return self.slow_encoder
