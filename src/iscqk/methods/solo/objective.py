"""One network in both roles: copies learn against the bank of originals that its snapshot made.

Between renewals the snapshot is frozen, so that the bank of all N training images stays exact, as
for either side of QK Iteration (arXiv:2111.07954); a renewal is the swap of the sides, which here
costs N forward passes and nothing else.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from iscqk.errors import UserError
from iscqk.learning import distributed
from iscqk.learning.bank_loss import bank_loss, nearest_others
from iscqk.learning.objectives import Health, Objective, Outcome
from iscqk.methods.solo import Settings
from iscqk.models.encoder import Encoder


class OwnBank(Objective):
    """The loss of copies over the bank; item `i` is a copy of the image of row `i`."""

    def __init__(
        self, encoder: Encoder, settings: Settings, describe: Callable[[Encoder], Tensor]
    ) -> None:
        """Take the first snapshot.

        Args:
            encoder: the start.
            settings: how to learn.
            describe: returns the bank, unit descriptors (N, D) float32 of all training images.
        """
        super().__init__()
        self.settings, self.temperature = settings, settings.temperature
        self.snapshot = copy.deepcopy(encoder).requires_grad_(False)
        self.start = copy.deepcopy(self.snapshot) if settings.keep_of_start else None
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self._describe = describe
        self._rows: Tensor | None = None  # made when needed: a resumed training has none either

    @property
    def rows(self) -> Tensor:
        """The bank as the snapshot describes it, (N, D).

        Raises:
            UserError: it has one row, and KoLeo would push each copy from its own image's.
        """
        if self._rows is None:
            self._rows = self._describe(self.snapshot.eval()).to(self.steps.device)
            if self.settings.koleo and len(self._rows) < 2:
                raise UserError(
                    "train.solo.koleo: of one training image there is no other row to keep away "
                    "from; give more images, or set koleo: 0"
                )
        return self._rows

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return N-way InfoNCE against the whole bank, and KoLeo where it has a weight."""
        descriptors, rows = distributed.all_gather(encoder(pixels)), self.rows
        indices = distributed.all_gather(indices)
        loss = bank_loss(descriptors, rows, indices, self.temperature)
        if self.settings.koleo:
            loss = loss + self.settings.koleo * koleo(descriptors, rows, indices)
        if not health:
            return Outcome(loss)
        with torch.no_grad():
            detached = descriptors.detach()
            positive = (detached * rows[indices]).sum(1)
            nearest, _ = nearest_others(detached, rows, indices)
            return Outcome(loss, Health(positive, nearest, detached))

    def after_step(self, encoder: Encoder) -> None:
        """Swap the sides where it is time to: what has learned becomes the snapshot."""
        self.steps += 1
        if int(self.steps) % max(1, self.settings.renew_every // self.settings.batch_size) == 0:
            self.snapshot.load_state_dict(encoder.state_dict())
            self._rows = None

    @torch.no_grad()
    def shipped(self, encoder: Encoder) -> Encoder:
        """Return the encoder, or the mean of its weights and of the start's.

        What a training from good weights gains goes with less of what it forgets (WiSE-FT,
        arXiv:2109.01903).
        """
        if self.start is None:
            return encoder
        # Not a copy of the encoder, which computes in ways of its own while it is trained.
        found, now = copy.deepcopy(self.start), encoder.state_dict()
        for name, tensor in found.state_dict().items():
            if tensor.is_floating_point():
                tensor.lerp_(now[name], 1 - self.settings.keep_of_start)
        return found

    def load_state_dict(self, *arguments: Any, **options: Any) -> Any:
        """Take up a state; the bank is made again of its snapshot."""
        self._rows = None
        return super().load_state_dict(*arguments, **options)


def koleo(descriptors: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
    """Return minus the mean log distance of descriptors to their nearest other row.

    The Kozachenko-Leonenko estimate of entropy, as SSCD has it within a batch (arXiv:2202.10261,
    eq. 3); the nearest of the whole bank is known here exactly.

    Args:
        descriptors: (B, D) unit rows.
        rows: (N, D) unit rows, N at least 2.
        targets: (B,) int64, the row that is of each descriptor's own image.

    Returns:
        Scalar, differentiable in descriptors; distances below 1e-4 count as that.
    """
    _, nearest = nearest_others(descriptors.detach(), rows, targets)
    return -(descriptors - rows[nearest]).norm(dim=1).clamp(min=1e-4).log().mean()
