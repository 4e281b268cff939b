"""Momentum contrast: a queue of past keys as negatives (He et al., arXiv:1911.05722, eq. 1)."""

import torch
from torch import Tensor
from torch.nn import functional

from iscqk.learning.momentum import Momentum
from iscqk.learning.objectives import Outcome, pair_health
from iscqk.learning.precision import upcast
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
        return Outcome(loss, *pair_health(query, key, rows)) if health else Outcome(loss)


def moco_loss(query: Tensor, key: Tensor, queue: Tensor, temperature: Tensor | float) -> Tensor:
    """Return InfoNCE of B queries, each with its own key as the positive and a queue of negatives.

    Args:
        query: (B, D) unit rows.
        key: (B, D) unit rows; row i is another view of the image of query i.
        queue: (K, D) unit rows, keys of earlier batches; may be empty, and the loss is then 0.
        temperature: positive scalar.

    Returns:
        Scalar, the mean over B, differentiable in all arguments.
    """
    query, key, queue = upcast(query), upcast(key), upcast(queue)
    positives = (query * key).sum(1, keepdim=True)
    logits = torch.cat([positives, query @ queue.T], dim=1) / temperature
    targets = torch.zeros(len(query), dtype=torch.long, device=query.device)
    return functional.cross_entropy(logits, targets)
