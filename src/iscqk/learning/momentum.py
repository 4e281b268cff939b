"""A slowly moving second encoder and a queue of what it made of earlier batches."""

import copy

import torch
from torch import Tensor, nn

from iscqk.learning.objectives import Objective, ProjectionHead
from iscqk.learning.training_rules import refuse_short_queue
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
        refuse_short_queue(len(self.buffer), len(rows))
        places = torch.arange(len(rows), device=rows.device) + self.count
        self.buffer[places % len(self.buffer)] = rows
        self.count += len(rows)


class Momentum(Objective):
    """What such methods share: the slow encoder with its projection, and the queue."""

    def __init__(self, encoder: Encoder, head: str, queue: int, momentum: float) -> None:
        super().__init__()
        self.projection = ProjectionHead(encoder, head)
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
