"""A softmax over the whole bank in every step, without its (B, N) matrix of similarities.

With queries q_i (B, D), bank rows k_j (N, D) and temperature t, the Q/K loss is N-way InfoNCE

    L = 1/B sum_i [ log Z_i - q_i.k_{y_i} / t ],   log Z_i = log sum_j exp(q_i.k_j / t)

(van den Oord et al., arXiv:1807.03748, eq. 4, with every training image as a candidate; QK
Iteration, arXiv:2111.07954). Since d log Z_i / d q_i = sum_j p_ij k_j / t, value and gradient of
log Z are one pass of attention with V := K (`attention.py`): the bank is read once.

Another vector in the place of k_{y_i} is the same loss of a soft target (`soft_targets.py`); a bank
whose head keeps learning has one of its own (`live_head.py`).

The value is as exact as float32 is on either term, and so may come out below 0 by some 1e-5.

With `shared` a function's bank is this process's part of one; queries, targets' rows and results
are alike in all processes (`distributed.py`).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from iscqk.errors import UserError
from iscqk.learning.attention import BLOCK, mask_excluded
from iscqk.learning.attention_dispatch import attention
from iscqk.learning.precision import upcast, upcast_both


class _LogPartition(torch.autograd.Function):
    """log Z (B,) with its gradient to queries and temperature from one pass over the bank."""

    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        bank: Tensor,
        temperature: Tensor,
        excluded: Tensor | None,
        shared: bool,
        at_least: Tensor | None,
    ) -> Tensor:
        log_z, mean = attention(queries, bank, temperature, excluded, shared, at_least)
        ctx.save_for_backward(queries, mean, temperature)
        return log_z

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        queries, mean, temperature = ctx.saved_tensors
        gradient = gradients[0][:, None] / temperature
        to_temperature = -(gradient * queries * mean).sum() / temperature
        return gradient * mean, None, to_temperature.reshape(temperature.shape), None, None, None


def log_partition(
    queries: Tensor,
    bank: Tensor,
    temperature: Tensor | float,
    excluded: Tensor | None = None,
    shared: bool = False,
    at_least: Tensor | None = None,
) -> Tensor:
    """Return log sum_j exp(q_i.k_j / temperature), differentiable in queries and temperature.

    Args:
        queries: (B, D), any float type.
        bank: (N, D), float32, bfloat16 or float64; it gets no gradient.
        temperature: positive scalar.
        excluded: (M, 2) int64 pairs (query, bank row) that the sum leaves out, sorted by bank row:
            rows that would be false negatives.
        shared: whether `bank` is this process's part.
        at_least: (B,), where it is known how large the result is at least; a help to be fast.

    Returns:
        (B,) float32, or float64 where queries are.
    """
    rows, scale = upcast_both(queries, temperature)
    return _LogPartition.apply(rows, bank, scale, excluded, shared, at_least)


def bank_loss(
    queries: Tensor, bank: Tensor, targets: Tensor, temperature: Tensor | float
) -> Tensor:
    """Return the mean cross entropy of queries' softmax over a frozen bank.

    Args:
        queries: (B, D) unit rows.
        bank: (N, D) unit rows, frozen; float32 or bfloat16.
        targets: (B,) int64, the row of each one's positive. `expected_bank_loss` takes soft ones.
        temperature: positive scalar; a tensor that requires a gradient is learned.

    Returns:
        Scalar, differentiable in queries and temperature.

    Raises:
        UserError: a target is no row of the bank. A negative one would be taken for one from the
            end, where elsewhere it stands for no positive at all.
    """
    if bool(((targets < 0) | (targets >= len(bank))).any()):
        low, high = map(int, targets.aminmax())
        raise UserError(
            f"targets: from {low} to {high}, and the bank has {len(bank)} rows; give each query a "
            "row's number, from 0"
        )
    return expected_bank_loss(queries, bank, bank[targets], temperature)


def expected_bank_loss(
    queries: Tensor,
    bank: Tensor,
    expected: Tensor,
    temperature: Tensor | float,
    excluded: Tensor | None = None,
    shared: bool = False,
) -> Tensor:
    """Return `bank_loss` of targets that are given by the bank row they expect.

    Args:
        queries: (B, D) unit rows.
        bank: (N, D) unit rows, frozen.
        expected: (B, D), m_i = sum_j p^T_ij k_j of the target distribution p^T; the positive
            itself, `soft_targets`, or a mix of both.
        temperature: positive scalar; a tensor that requires a gradient is learned.
        excluded: as in `log_partition`.
        shared: whether `bank` is this process's part.

    Returns:
        Scalar, differentiable in queries and temperature.
    """
    queries, temperature = upcast_both(queries, temperature)
    toward = (queries * upcast(expected)).sum(1) / temperature
    # But for rounding a cross entropy is never negative: log Z is at least this.
    log_z = log_partition(queries, bank, temperature, excluded, shared, toward.detach())
    return (log_z - toward).mean()


@torch.no_grad()
def nearest_others(
    queries: Tensor,
    bank: Tensor,
    targets: Tensor,
    excluded: Tensor | None = None,
    project: Callable[[Tensor], Tensor] = upcast,
) -> tuple[Tensor, Tensor]:
    """Return each query's most similar bank row other than its target.

    A target that is no row of this bank, but of another process's part, may have any other number.
    What the loss leaves out, `excluded` as in `log_partition`, is no other row either. Where a live
    head makes the rows, `bank` is what `project` takes, and is projected block by block.

    Returns:
        Similarities (B,) float32, -inf where there is no other row, and numbers of rows (B,) int64.
    """
    nearest = torch.full((len(queries),), -torch.inf, device=queries.device)
    rows = torch.zeros(len(queries), dtype=torch.long, device=queries.device)
    for start in range(0, len(bank), BLOCK):
        similarities = queries.float() @ project(bank[start : start + BLOCK]).float().T
        inside = (targets >= start) & (targets < start + len(similarities[0]))
        similarities[inside, targets[inside] - start] = -torch.inf
        best, places = mask_excluded(similarities, start, excluded).max(1)
        rows = torch.where(best > nearest, places + start, rows)
        nearest = torch.maximum(nearest, best)
    return nearest, rows
