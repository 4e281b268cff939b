"""What training minimises: similarity to a frozen bank, or to the other view within the batch."""

from typing import Protocol

import torch
from torch import Tensor, nn

from iscqk.learning.bank_loss import bank_loss, live_bank_loss, nearest_negatives
from iscqk.learning.ntxent import ntxent_loss
from iscqk.models.encoder import Encoder


class Objective(Protocol):
    """A loss of a batch's descriptors, and the state of health that is logged beside it."""

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Return what is trained beside the encoder."""

    def loss(self, descriptors: Tensor, indices: Tensor, temperature: Tensor) -> Tensor:
        """Return the mean loss of descriptors (B, D) of the images at `indices` (B,)."""

    def similarities(self, descriptors: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return each one's similarity to its positive and to its nearest negative, (B,) both."""


class FrozenBank:
    """The frozen side: descriptors of all N training images, exactly current in every step.

    The positive of item `i` stands at row `i // views`. With a live head the rows are the frozen
    backbone's features, and the head keeps learning.
    """

    def __init__(self, rows: Tensor, views: int, encoder: Encoder | None) -> None:
        """Use `fixed` or `live` instead."""
        self._rows, self._views, self._encoder = rows, views, encoder

    @classmethod
    def fixed(cls, descriptors: Tensor, views: int) -> "FrozenBank":
        """Make a bank of descriptors (N, D) that stay as they are."""
        return cls(descriptors, views, None)

    @classmethod
    def live(cls, features: Tensor, views: int, encoder: Encoder) -> "FrozenBank":
        """Make a bank of features (N, C) under the head of `encoder`, which is trained."""
        return cls(features, views, encoder)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Return the live head's parameters, if there is one."""
        return list(self._encoder.head.parameters()) if self._encoder else []

    def loss(self, descriptors: Tensor, indices: Tensor, temperature: Tensor) -> Tensor:
        """Return N-way InfoNCE against the whole bank."""
        targets = indices // self._views
        if self._encoder is None:
            return bank_loss(descriptors, self._rows, targets, temperature)
        project = self._encoder.project
        return live_bank_loss(descriptors, self._rows, project, targets, temperature)

    @torch.no_grad()
    def similarities(self, descriptors: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return similarity to the positive row, and to the nearest of all others."""
        rows, targets = self._current(), indices // self._views
        positive = (descriptors * rows[targets].float()).sum(1)
        return positive, nearest_negatives(descriptors, rows, targets)

    def _current(self) -> Tensor:
        """Return the descriptors (N, D) as they are now."""
        if self._encoder is None:
            return self._rows
        return torch.cat([self._encoder.project(block) for block in self._rows.split(4096)])


class InBatch:
    """Copy and original by one encoder, in turn; the batch's other images are the negatives."""

    parameters: list[nn.Parameter] = []

    def loss(self, descriptors: Tensor, indices: Tensor, temperature: Tensor) -> Tensor:
        """Return NT-Xent of descriptors (2B, D)."""
        return ntxent_loss(descriptors[0::2], descriptors[1::2], temperature)

    @torch.no_grad()
    def similarities(self, descriptors: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return similarity of a copy to its original, and to the nearest other, (B,) both."""
        matrix = descriptors[0::2] @ descriptors[1::2].T
        positive = matrix.diagonal().clone()
        return positive, matrix.fill_diagonal_(-torch.inf).amax(1)
