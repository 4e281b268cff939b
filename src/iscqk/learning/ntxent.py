"""In-batch contrastive learning: NT-Xent of SimCLR (Chen et al., arXiv:2002.05709, eq. 1)."""

import torch
from torch import Tensor
from torch.nn import functional

from iscqk.learning.precision import upcast


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
