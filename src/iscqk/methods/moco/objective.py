"""Momentum contrast: a queue of past keys as negatives (He et al., arXiv:1911.05722, eq. 1)."""

from torch import Tensor

from iscqk.learning.moco import moco_loss
from iscqk.learning.momentum import Momentum
from iscqk.learning.objectives import Outcome, pair_health
from iscqk.methods.moco import Settings
from iscqk.models.encoder import Encoder


class MomentumContrast(Momentum):
    """MoCo v2 (arXiv:1911.05722, arXiv:2003.04297): the copy is the query, its partner the key."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__(encoder, settings.head, settings.queue, settings.momentum)
        self.temperature = settings.temperature

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return InfoNCE of pairs against the queue."""
        query, key = self.projection(encoder, pixels[:, 0]), self.slow_rows(pixels[:, 1])
        rows = self.queue.rows
        loss = moco_loss(query, key, rows, self.temperature)
        return Outcome(loss, pair_health(query, key, rows) if health else None)
