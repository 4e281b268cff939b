"""Momentum contrast: a queue of past keys as negatives (He et al., arXiv:1911.05722, eq. 1)."""

import torch
from torch import Tensor
from torch.nn import functional

from iscqk.learning.precision import upcast


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
