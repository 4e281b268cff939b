"""In-batch contrastive learning: NT-Xent of SimCLR (Chen et al., arXiv:2002.05709, eq. 1)."""

import torch
from torch import Tensor
from torch.nn import functional

from iscqk.learning.objectives import Objective, Outcome, Projection, pair_health
from iscqk.learning.precision import upcast
from iscqk.methods.simclr import Settings
from iscqk.models.encoder import Encoder


class InBatch(Objective):
    """SimCLR: both images of a pair through one encoder; the batch's others are the negatives."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        super().__init__()
        self.projection = Projection(encoder, settings.head)
        self.temperature = settings.temperature

    def forward(self, encoder: Encoder, pixels: Tensor, indices: Tensor, health: bool) -> Outcome:
        """Return NT-Xent of pairs."""
        rows = self.projection(encoder, pixels.flatten(0, 1))
        first, second = rows[0::2], rows[1::2]
        loss = ntxent_loss(first, second, self.temperature)
        return Outcome(loss, *pair_health(first, second, second)) if health else Outcome(loss)


def ntxent_loss(view0: Tensor, view1: Tensor, temperature: Tensor | float) -> Tensor:
    """Return the normalised temperature-scaled cross entropy of B positive pairs.

    Each of the 2B rows has its other view as the positive and the 2B - 2 other rows as negatives.

    Args:
        view0: (B, D) unit rows.
        view1: (B, D) unit rows; row i is another view of the image of `view0`'s row i.
        temperature: positive scalar.

    Returns:
        Scalar, the mean over 2B rows, differentiable in all arguments.
    """
    rows = upcast(torch.cat([view0, view1]))
    similarities = rows @ rows.T / temperature
    similarities.fill_diagonal_(-torch.inf)
    targets = torch.arange(len(rows), device=rows.device).roll(len(view0))
    return functional.cross_entropy(similarities, targets)
