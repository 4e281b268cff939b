"""Half a round of Q/K: one side learns against the bank of the other, frozen one.

QK Iteration (arXiv:2111.07954). What its abstract leaves open is a key of the config.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from iscqk.learning.bank_loss import (
    BLOCK,
    expected_bank_loss,
    live_bank_loss,
    nearest_negatives,
    soft_targets,
)
from iscqk.learning.objectives import Objective, Outcome
from iscqk.models.encoder import Encoder


@dataclass(frozen=True)
class BankConfig:
    """How to learn from the bank; config.yaml explains these keys of `train.qk`."""

    temperature: float
    learn_temperature: bool = False
    negatives: int | None = None
    soft_targets: float = 0.0
    teacher_temperature: float = 0.1


class FrozenBank(Objective):
    """The frozen side: descriptors of all N training images, exactly current in every step.

    The positive of item `i` stands at row `i // views_per_row`. With a `frozen` encoder the rows
    are its backbone's features, and its head keeps learning; without one they are descriptors.
    """

    def __init__(
        self, rows: Tensor, views_per_row: int, config: BankConfig, frozen: Encoder | None = None
    ) -> None:
        """Take rows (N, D), or (N, C) with a live head."""
        super().__init__()
        self.rows: Tensor
        self.register_buffer("rows", rows, persistent=False)  # a file of its own, not resume state
        self.config, self.views_per_row = config, views_per_row
        self.head = frozen.head if frozen else None
        self._frozen = [frozen]  # in a list: its backbone is no part of this module
        self.log_temperature = nn.Parameter(
            torch.tensor(math.log(config.temperature)), requires_grad=config.learn_temperature
        )

    @property
    def temperature(self) -> float:  # type: ignore[override]
        """The temperature as it is now."""
        return self.log_temperature.exp().item()

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return N-way InfoNCE against the whole bank, or against a random part of it."""
        descriptors, targets = encoder(pixels), indices // self.views_per_row
        rows, targets = self._drawn(targets)
        loss = self._loss(descriptors, rows, targets)
        if not health:
            return Outcome(loss)
        with torch.no_grad():
            current, detached = self._current(rows), descriptors.detach()
            positive = (detached * current[targets]).sum(1)
            return Outcome(loss, positive, nearest_negatives(detached, current, targets))

    def _loss(self, descriptors: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
        temperature, frozen = self.log_temperature.exp(), self._frozen[0]
        expected = rows[targets] if frozen is None else frozen.project(rows[targets])
        if share := self.config.soft_targets:
            # The teacher is the frozen side: what it makes of the original, or of its copies.
            with torch.no_grad():
                current = self._current(rows)
            soft = soft_targets(expected, current, self.config.teacher_temperature)
            expected = (1 - share) * expected + share * soft
        if frozen is None:
            return expected_bank_loss(descriptors, rows, expected, temperature)
        return live_bank_loss(descriptors, rows, frozen.project, expected, temperature)

    def _drawn(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows of this step with the targets' numbers among them.

        All of the bank, or the batch's positives and random others, `negatives` + 1 in all.
        """
        count = self.config.negatives
        if count is None or count + 1 >= len(self.rows):
            return self.rows, targets
        positives, numbers = targets.unique(return_inverse=True)
        chosen = torch.ones(len(self.rows), dtype=torch.bool)
        chosen[positives.cpu()] = False
        others = chosen.nonzero().squeeze(1)
        others = others[torch.randperm(len(others))[: max(0, count + 1 - len(positives))]]
        return self.rows[torch.cat([positives, others.to(positives.device)])], numbers

    def _current(self, rows: Tensor) -> Tensor:
        """Return the descriptors of rows as they are now."""
        frozen = self._frozen[0]
        if frozen is None:
            return rows.float()
        return torch.cat([frozen.project(block) for block in rows.split(BLOCK)])
