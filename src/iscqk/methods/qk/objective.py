"""Half a round of Q/K: one side learns against the bank of the other, frozen one.

QK Iteration (arXiv:2111.07954). What its abstract leaves open is a key of the config.
"""

import math

import torch
from torch import Tensor, nn

from iscqk.learning import distributed
from iscqk.learning.bank_loss import expected_bank_loss, nearest_others
from iscqk.learning.live_head import live_bank_loss
from iscqk.learning.objectives import Objective, Outcome
from iscqk.learning.precision import upcast
from iscqk.learning.soft_targets import live_soft_targets, soft_targets
from iscqk.methods.qk import Settings
from iscqk.models.encoder import Encoder


class FrozenBank(Objective):
    """The frozen side: descriptors of all N training images, exactly current in every step.

    The positive of item `i` stands at row `i // views_per_row`. With a `frozen` encoder the rows
    are its backbone's features, and its head keeps learning; without one they are descriptors.
    """

    accumulates = True  # the negatives are the bank's, whatever the batch is

    def __init__(
        self,
        rows: Tensor,
        views_per_row: int,
        settings: Settings,
        frozen: Encoder | None = None,
        first: int = 0,
        near_duplicates: Tensor | None = None,
        teacher: Tensor | None = None,
    ) -> None:
        """Take the bank, or this process's part of it.

        Args:
            rows: (n, D) descriptors in float32 or bfloat16, or (n, C) features for a live head.
            views_per_row: items, one after the other, whose positive is the same row.
            settings: how to learn.
            frozen: the encoder of a live head.
            first: the bank's row that `rows` begin with.
            near_duplicates: (M, 2) int64 pairs of bank rows that are no negatives of each other,
                sorted, each in both orders.
            teacher: (n, T) unit rows, what another model makes of the images of `rows`.
        """
        super().__init__()
        self.rows: Tensor
        self.near_duplicates: Tensor | None
        self.teacher: Tensor | None
        # Files of their own, not resume state.
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("near_duplicates", near_duplicates, persistent=False)
        self.register_buffer("teacher", teacher, persistent=False)
        self.settings, self.views_per_row, self.first = settings, views_per_row, first
        counted = distributed.all_reduce_sum(torch.tensor(len(rows)))
        self.count, self.shared = int(counted), distributed.world_size() > 1
        self.head = frozen.head if frozen else None
        self._frozen = [frozen]  # in a list: its backbone is no part of this module
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
        targets = distributed.all_gather(indices) // self.views_per_row
        taken = self._drawn(targets)
        rows = self.rows if taken is None else self.rows[taken]
        loss = self._loss(descriptors, rows, targets, taken)
        if not health:
            return Outcome(loss)
        with torch.no_grad():
            detached = descriptors.detach()
            positive = (detached * self._positives(targets)).sum(1)
            mine, excluded = self._places(targets, taken), self._excluded(targets, taken)
            project = self._frozen[0].project if self._frozen[0] else upcast
            nearest, _ = nearest_others(detached, rows, mine, excluded, project)
            return Outcome(loss, positive, distributed.all_reduce_max(nearest), detached)

    def _loss(
        self, descriptors: Tensor, rows: Tensor, targets: Tensor, taken: Tensor | None
    ) -> Tensor:
        temperature, frozen = self.log_temperature.exp(), self._frozen[0]
        expected, excluded = self._positives(targets), self._excluded(targets, taken)
        if share := self.settings.soft_targets:
            soft = self._soft(expected, rows, targets, taken, excluded)
            expected = (1 - share) * expected + share * soft
        if frozen is None:
            return expected_bank_loss(
                descriptors, rows, expected, temperature, excluded, self.shared
            )
        return live_bank_loss(
            descriptors, rows, frozen.project, expected, temperature, excluded, self.shared
        )

    def _soft(
        self,
        positives: Tensor,
        rows: Tensor,
        targets: Tensor,
        taken: Tensor | None,
        excluded: Tensor | None,
    ) -> Tensor:
        """Return the row (B, D) that the teacher expects: another model, or the frozen side.

        It sees what the bank's rows are of: the original, or its copies.
        """
        temperature, frozen = self.settings.teacher_temperature, self._frozen[0]
        if self.teacher is not None:
            seen = self._gathered(self.teacher, targets)
            bank = self.teacher if taken is None else self.teacher[taken]
            project = frozen.project if frozen else upcast
            return soft_targets(seen, bank, temperature, excluded, self.shared, rows, project)
        if frozen is None:
            return soft_targets(positives, rows, temperature, excluded, self.shared)
        return live_soft_targets(
            positives, rows, frozen.project, temperature, excluded, self.shared
        )

    def _gathered(self, bank: Tensor, targets: Tensor) -> Tensor:
        """Return rows of a bank in float32, in whichever process they lie."""
        inside = (targets >= self.first) & (targets < self.first + len(bank))
        found = bank.new_zeros(len(targets), bank.shape[1], dtype=torch.float32)
        found[inside] = bank[targets[inside] - self.first].float()
        return distributed.all_reduce_sum(found)

    def _positives(self, targets: Tensor) -> Tensor:
        """Return the descriptors (B, D) of bank rows as they are now."""
        found = self._gathered(self.rows, targets)
        return found if self._frozen[0] is None else self._frozen[0].project(found)

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
