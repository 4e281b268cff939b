"""A softmax over the whole bank in every step, without its (B, N) matrix of similarities.

With queries q_i (B, D), bank rows k_j (N, D) and temperature t, the Q/K loss is N-way InfoNCE

    L = 1/B sum_i [ log Z_i - q_i.k_{y_i} / t ],   log Z_i = log sum_j exp(q_i.k_j / t)

(van den Oord et al., arXiv:1807.03748, eq. 4, with every training image as a candidate; QK
Iteration, arXiv:2111.07954). Since d log Z_i / d q_i = sum_j p_ij k_j / t, value and gradient of
log Z are one pass of attention with V := K (`attention.py`): the bank is read once.

A soft target p^T over the bank, as ISD distils it (arXiv:2012.09259), is the same loss with another
vector in the place of k_{y_i}: its expectation m_i = sum_j p^T_ij k_j. So is any mix of both.

At a small loss the gradients of the two terms nearly cancel. Queries and temperature are therefore
widened to float32 once, before both, so that it is the difference that is rounded on its way back.
The value is as exact as float32 is on either term, and so may come out below 0 by some 1e-5.

With `shared` a function's bank is this process's part of one; queries, targets' rows and results
are alike in all processes (`distributed.py`).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from iscqk.errors import UserError
from iscqk.learning import distributed
from iscqk.learning.attention import BLOCK, mask_excluded
from iscqk.learning.attention_dispatch import attention
from iscqk.learning.precision import upcast


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
    rows, scale = _widened(queries, temperature)
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
    queries, temperature = _widened(queries, temperature)
    toward = (queries * upcast(expected)).sum(1) / temperature
    # But for rounding a cross entropy is never negative: log Z is at least this.
    log_z = log_partition(queries, bank, temperature, excluded, shared, toward.detach())
    return (log_z - toward).mean()


def _widened(queries: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return both in float32, or in float64 where queries are."""
    rows = upcast(queries)
    return rows, torch.as_tensor(temperature, dtype=rows.dtype, device=rows.device)


def soft_targets(
    teachers: Tensor,
    bank: Tensor,
    temperature: Tensor | float,
    excluded: Tensor | None = None,
    shared: bool = False,
    values: Tensor | None = None,
    project: Callable[[Tensor], Tensor] = upcast,
) -> Tensor:
    """Return the bank row that each teacher's softmax over the bank expects.

    The softmax is a constant to the gradient. What it weighs is none where a live head makes it:
    block by block, which are computed again in the backward pass, as in `live_bank_loss`.

    Args:
        teachers: (B, C) unit rows, what the teacher makes of the same images.
        bank: (N, C) unit rows, what it makes of the bank's.
        temperature: of the teacher, positive.
        excluded: what the loss leaves out, as in `log_partition`: a target that gave it a share
            would be no distribution over the rows that there are.
        shared: whether `bank` is this process's part.
        values: the N rows of which one is expected, where these are not the teacher's own: (N, D),
            or what `project` takes.
        project: the live head, (n, C') to (n, D) unit rows; its parameters get gradients.

    Returns:
        (B, D) float32, or float64 where teachers are; differentiable in what `project` learns.
    """
    with torch.no_grad():
        log_z, expected = attention(teachers, bank, temperature, excluded, shared)
    if values is None:
        return expected
    pairs = zip(bank.split(BLOCK), values.split(BLOCK), strict=True)

    def seen_and_weighed(seen: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return seen, project(rows)

    return _expected(log_z, pairs, seen_and_weighed, teachers, temperature, excluded, shared)


def live_soft_targets(
    teachers: Tensor,
    features: Tensor,
    project: Callable[[Tensor], Tensor],
    temperature: Tensor | float,
    excluded: Tensor | None = None,
    shared: bool = False,
) -> Tensor:
    """Return `soft_targets` of a live head that is the teacher, too, of its bank's own rows.

    Neither what it sees nor what it weighs is ever there whole: a block is projected for log Z,
    for the weighed sum, and once more in the backward pass.

    Args:
        teachers: (B, D) unit rows, what the head makes of the same images.
        features: (N, C) cached backbone features.
        project: the head, (n, C) to (n, D) unit rows; its parameters get gradients by the rows
            that are weighed, not by the softmax.
        temperature: of the teacher, positive.
        excluded: as in `soft_targets`.
        shared: whether `features` are this process's part.

    Returns:
        (B, D) float32, or float64 where teachers are; differentiable in what `project` learns.
    """
    with torch.no_grad():
        log_z = _live_log_partition(
            *(upcast(teachers), features, project), temperature, excluded, shared
        )
    blocks = ((block,) for block in features.split(BLOCK))

    def seen_and_weighed(block: Tensor) -> tuple[Tensor, Tensor]:
        rows = project(upcast(block))
        return rows, rows

    return _expected(log_z, blocks, seen_and_weighed, teachers, temperature, excluded, shared)


def _expected(
    log_z: Tensor,
    blocks: Iterable[tuple[Tensor, ...]],
    seen_and_weighed: Callable[..., tuple[Tensor, Tensor]],
    teachers: Tensor,
    temperature: Tensor | float,
    excluded: Tensor | None,
    shared: bool,
) -> Tensor:
    """Return sum_j p_ij v_j (B, D), of which rows v get gradients and the softmax p gets none.

    Args:
        log_z: (B,), of the teachers' softmax.
        blocks: of `BLOCK` rows each, what the next makes rows of.
        seen_and_weighed: returns the rows that teachers see, and those of which one is expected.
        teachers: as in `soft_targets`, and so are the others.
        temperature: of the teacher.
        excluded: pairs that have no share.
        shared: whether the blocks are of this process's part.
    """

    def block_expected(number: int, *block: Tensor) -> Tensor:
        seen, weighed = seen_and_weighed(*block)
        with torch.no_grad():
            logits = upcast(teachers) @ upcast(seen).T / temperature
            kept = mask_excluded(logits, number * BLOCK, excluded)
            weights = (kept - log_z[:, None]).exp()
        return weights @ weighed.to(weights.dtype)

    expected = log_z.new_zeros(())
    for number, block in enumerate(blocks):
        expected = expected + checkpoint(block_expected, number, *block, use_reentrant=False)
    return distributed.all_reduce_sum(expected) if shared else expected


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

    The frozen side's backbone features are cached, its head is applied afresh in every step,
    block by block, and gets its gradient; a block's rows and similarities are recomputed in the
    backward pass, so that memory stays O(B * BLOCK).

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
    queries, temperature = _widened(queries, temperature)
    log_z = _live_log_partition(queries, features, project, temperature, excluded, shared)
    toward = (queries * upcast(expected)).sum(1) / temperature
    return (log_z - toward).mean()


def _live_log_partition(
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
