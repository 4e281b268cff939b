"""In-batch contrastive learning: NT-Xent of SimCLR (Chen et al., arXiv:2002.05709, eq. 1)."""

import torch
from torch import Tensor
from torch.nn import functional

from iscqk.learning.precision import upcast


def ntxent_loss(
    view0: Tensor, view1: Tensor, temperature: Tensor | float, images: Tensor | None = None
) -> Tensor:
    """Return the normalised temperature-scaled cross entropy of B positive pairs.

    Each of the 2B rows has its other view as the positive and the rows of other images, 2B - 2
    where each pair is of another one, as negatives.

    Args:
        view0: (B, D) unit rows.
        view1: (B, D) unit rows; row i is another view of the image of `view0`'s row i.
        temperature: positive scalar.
        images: (B,) of which image each pair is, for batches that have one twice; SimCLR's have
            none, whose other pair would be a negative that is as near as the positive.

    Returns:
        Scalar, the mean over 2B rows, differentiable in all arguments.
    """
    rows = upcast(torch.cat([view0, view1]))
    similarities = rows @ rows.T / temperature
    targets = torch.arange(len(rows), device=rows.device).roll(len(view0))
    if images is None:
        images = torch.arange(len(view0), device=rows.device)
    is_negative = (images[:, None] != images).repeat(2, 2)
    is_positive = torch.zeros_like(is_negative).scatter_(1, targets[:, None], True)
    kept = similarities.masked_fill(~(is_negative | is_positive), -torch.inf)
    return functional.cross_entropy(kept, targets)
