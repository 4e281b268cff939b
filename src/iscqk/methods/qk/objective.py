"""Half a round of Q/K: one side learns against the bank of the other, frozen one.

QK Iteration (arXiv:2111.07954). What its abstract leaves open is a key of the config.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from iscqk.learning import distributed
from iscqk.learning.bank_loss import expected_bank_loss, nearest_others
from iscqk.learning.frozen_side import FrozenSide
from iscqk.learning.live_head import live_bank_loss
from iscqk.learning.objectives import Health, Objective, Outcome
from iscqk.learning.precision import upcast
from iscqk.learning.soft_targets import live_soft_targets, soft_targets
from iscqk.methods.qk import Settings
from iscqk.models.encoder import Encoder


class _Step(NamedTuple):
    """What a step's queries are held against."""

    targets: Tensor  # (B,) the bank row of each one's positive
    taken: Tensor | None  # which of this process's rows take part; None for all
    rows: Tensor  # these rows
    positives: Tensor  # (B, D) descriptors of the targets, as they are now
    excluded: Tensor | None  # (M, 2) pairs (query, row that takes part) of near-duplicates


def _taken(rows: Tensor, taken: Tensor | None) -> Tensor:
    return rows if taken is None else rows[taken]


class FrozenBank(Objective):
    """The frozen side: descriptors of all N training images, exactly current in every step.

    The positive of item `i` stands at row `i // views_per_row`. Where the side has an encoder the
    rows are its backbone's features, and its head keeps learning; else they are descriptors.
    """

    accumulates = True  # the negatives are the bank's, whatever the batch is

    def __init__(self, side: FrozenSide, settings: Settings) -> None:
        super().__init__()
        self.rows: Tensor
        self.near_duplicates: Tensor | None
        self.teacher: Tensor | None
        # Files of their own, not resume state.
        for name in ("rows", "near_duplicates", "teacher"):
            self.register_buffer(name, getattr(side, name), persistent=False)
        self.settings, self.views_per_row, self.first = settings, side.views_per_row, side.first
        counted = distributed.all_reduce_sum(torch.tensor(len(side.rows)))
        self.count, self.shared = int(counted), distributed.world_size() > 1
        self.head = side.encoder.head if side.encoder else None
        # Descriptors of rows of the bank, which they are already without a live head. A method: the
        # encoder's backbone is no part of this module.
        self._project = side.encoder.project if side.encoder else upcast
        self.log_temperature = nn.Parameter(
            torch.tensor(math.log(settings.temperature)), requires_grad=settings.learn_temperature
        )

    @property
    def temperature(self) -> float:  # type: ignore[override]
        """The temperature as it is now."""
        return self.log_temperature.exp().item()

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return N-way InfoNCE against the whole bank, or against a random part of it."""
        descriptors = distributed.all_gather(encoder(pixels))
        step = self._step(distributed.all_gather(indices) // self.views_per_row)
        loss = self._loss(descriptors, step)
        if not health:
            return Outcome(loss)
        with torch.no_grad():
            detached = descriptors.detach()
            positive = (detached * step.positives).sum(1)
            mine = self._places(step.targets, step.taken)
            nearest, _ = nearest_others(detached, step.rows, mine, step.excluded, self._project)
            nearest = distributed.all_reduce_max(nearest)
            return Outcome(loss, Health(positive, nearest, detached))

    def _step(self, targets: Tensor) -> _Step:
        taken = self._drawn(targets)
        rows, excluded = _taken(self.rows, taken), self._excluded(targets, taken)
        positives = self._project(self._gathered(self.rows, targets))
        return _Step(targets, taken, rows, positives, excluded)

    def _loss(self, descriptors: Tensor, step: _Step) -> Tensor:
        temperature, expected = self.log_temperature.exp(), step.positives
        if share := self.settings.soft_targets:
            expected = (1 - share) * expected + share * self._soft(step)
        part = step.excluded, self.shared
        if self.head is None:
            return expected_bank_loss(descriptors, step.rows, expected, temperature, *part)
        return live_bank_loss(descriptors, step.rows, self._project, expected, temperature, *part)

    def _soft(self, step: _Step) -> Tensor:
        """Return the row (B, D) that the teacher expects: another model, or the frozen side.

        It sees what the bank's rows are of: the original, or its copies.
        """
        temperature, part = self.settings.teacher_temperature, (step.excluded, self.shared)
        if self.teacher is not None:
            seen = self._gathered(self.teacher, step.targets)
            bank = _taken(self.teacher, step.taken)
            return soft_targets(seen, bank, temperature, *part, step.rows, self._project)
        if self.head is None:
            return soft_targets(step.positives, step.rows, temperature, *part)
        return live_soft_targets(step.positives, step.rows, self._project, temperature, *part)

    def _gathered(self, bank: Tensor, targets: Tensor) -> Tensor:
        """Return rows of a bank in float32, in whichever process they lie."""
        inside = (targets >= self.first) & (targets < self.first + len(bank))
        found = bank.new_zeros(len(targets), bank.shape[1], dtype=torch.float32)
        found[inside] = bank[targets[inside] - self.first].float()
        return distributed.all_reduce_sum(found)

    def _drawn(self, targets: Tensor) -> Tensor | None:
        """Return which rows take part in this step, sorted; None for all of them.

        The batch's positives and random others are `negatives` + 1 in all.
        """
        count = self.settings.negatives
        if count == "all" or count + 1 >= self.count:
            return None
        positives = targets.unique()
        chosen = torch.ones(self.count, dtype=torch.bool)
        chosen[positives.cpu()] = False
        others = chosen.nonzero().squeeze(1)
        others = others[torch.randperm(len(others))[: max(0, count + 1 - len(positives))]]
        numbers = torch.cat([positives, others.to(positives.device)]).sort().values - self.first
        return numbers[(numbers >= 0) & (numbers < len(self.rows))]

    def _places(self, numbers: Tensor, taken: Tensor | None) -> Tensor:
        """Return where bank rows stand among the rows that take part here, -1 where nowhere."""
        places = numbers - self.first
        if taken is not None:
            at = torch.searchsorted(taken, places).clamp(max=max(len(taken) - 1, 0))
            places = torch.where(taken[at] == places, at, -1) if len(taken) else places * 0 - 1
        outside = (places < 0) | (places >= len(self.rows))
        return places.masked_fill(outside, -1)

    def _excluded(self, targets: Tensor, taken: Tensor | None) -> Tensor | None:
        """Return (M, 2) pairs (query, row that takes part) of known near-duplicates."""
        pairs = self.near_duplicates
        if pairs is None:
            return None
        low = torch.searchsorted(pairs[:, 0].contiguous(), targets)
        many = torch.searchsorted(pairs[:, 0].contiguous(), targets, right=True) - low
        query = torch.arange(len(targets), device=targets.device).repeat_interleave(many)
        within = torch.arange(len(query), device=targets.device) - (many.cumsum(0) - many)[query]
        row = self._places(pairs[low[query] + within, 1], taken)
        found = torch.stack([query, row], dim=1)[row >= 0]
        return found[found[:, 1].argsort()] if len(found) else None
