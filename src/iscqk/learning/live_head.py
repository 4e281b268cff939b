"""The bank loss where the frozen side's head is live: it keeps learning, its backbone does not.

The head is applied afresh to the frozen side's cached backbone features in every step, block by
block, and gets its gradient. A block's rows and similarities are recomputed in the backward pass,
so that memory stays O(B * BLOCK).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from iscqk.learning import distributed
from iscqk.learning.attention import BLOCK, mask_excluded
from iscqk.learning.precision import upcast, upcast_both


def live_bank_loss(
    queries: Tensor,
    features: Tensor,
    project: Callable[[Tensor], Tensor],
    expected: Tensor,
    temperature: Tensor | float,
    excluded: Tensor | None = None,
    shared: bool = False,
) -> Tensor:
    """Return `expected_bank_loss` of a bank that is `project(features)`, the head still live.

    Args:
        queries: (B, D) unit rows.
        features: (N, C) cached backbone features.
        project: the head, (n, C) to (n, D) unit rows; its parameters get gradients.
        expected: (B, D), m_i; `project` of the positives' features, or a mix with `soft_targets`.
        temperature: positive scalar.
        excluded: as in `log_partition`.
        shared: whether `features` are this process's part.

    Returns:
        Scalar, differentiable in queries, expected, the head's parameters and temperature.
    """
    queries, temperature = upcast_both(queries, temperature)
    log_z = live_log_partition(queries, features, project, temperature, excluded, shared)
    toward = (queries * upcast(expected)).sum(1) / temperature
    return (log_z - toward).mean()


def live_log_partition(
    queries: Tensor,
    features: Tensor,
    project: Callable[[Tensor], Tensor],
    temperature: Tensor | float,
    excluded: Tensor | None,
    shared: bool,
) -> Tensor:
    """Return `log_partition` (B,) over `project(features)`, differentiable in what it learns."""

    def block_log_partition(block: Tensor, start: int) -> Tensor:
        logits = queries @ upcast(project(upcast(block))).T / temperature
        kept = mask_excluded(logits, start, excluded)
        # Of a block of nothing but -inf the gradient would be NaN.
        return torch.logsumexp(kept.clamp(min=torch.finfo(kept.dtype).min), dim=1)

    blocks = [
        checkpoint(block_log_partition, block, number * BLOCK, use_reentrant=False)
        for number, block in enumerate(features.split(BLOCK))
    ]
    log_z = torch.logsumexp(torch.stack(blocks), dim=0)
    return distributed.all_log_sum_exp(log_z) if shared else log_z
