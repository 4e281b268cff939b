"""The softmax over a bank in one pass: log Z and the mean row, without the (B, N) matrix.

    log Z_i = log sum_j exp(q_i.k_j / t),    m_i = sum_j p_ij k_j,    p_ij = exp(q_i.k_j / t) / Z_i

which is attention with V := K and its log-sum-exp. `blockwise` is the definition with a running
maximum (Milakov and Gimelshein, arXiv:1805.02867): the reference, in any precision. A CPU takes the
ways of `cpu_attention` where it can, a GPU that of `gpu_attention`; `attention_dispatch` chooses.
"""

import torch
from torch import Tensor

BLOCK = 4096  # bank rows at a time: 4 MiB of float32 at D = 256, which stays in a core's cache

LogPartitionAndMean = tuple[Tensor, Tensor]  # (B,) and (B, D)


def blockwise(scaled: Tensor, bank: Tensor, excluded: Tensor | None = None) -> LogPartitionAndMean:
    """Return log Z (B,) and the mean row (B, D) of queries' softmax over a bank; the reference.

    Over no row, as a process's part of a bank may have none for a query, these are -inf and 0.

    Args:
        scaled: (B, D) queries divided by the temperature; in their precision it computes.
        bank: (N, D).
        excluded: (M, 2) int64 pairs (query, bank row) that take no part, sorted by bank row.
    """
    # Not -inf, of which the difference to a row that is excluded whole would be NaN.
    peak = scaled.new_full((len(scaled), 1), torch.finfo(scaled.dtype).min)
    total = scaled.new_zeros((len(scaled), 1))
    mean = scaled.new_zeros(scaled.shape)  # not yet divided by the total
    for start in range(0, len(bank), BLOCK):
        rows = bank[start : start + BLOCK].to(scaled.dtype)
        logits = mask_excluded(scaled @ rows.T, start, excluded)
        new_peak = torch.maximum(peak, logits.amax(1, keepdim=True))
        weights = (logits - new_peak).exp_()
        decay = (peak - new_peak).exp_()
        total = total * decay + weights.sum(1, keepdim=True)
        mean = mean * decay + weights @ rows
        peak = new_peak
    # The largest weight is 1, so that less than that is no row at all.
    return (peak + total.log()).squeeze(1), mean / total.clamp(min=1)


def mask_excluded(logits: Tensor, start: int, excluded: Tensor | None) -> Tensor:
    """Return logits (B, n) of the rows from `start` on, -inf where a pair is excluded."""
    if excluded is None:
        return logits
    low, high = torch.searchsorted(
        excluded[:, 1].contiguous(), excluded.new_tensor([start, start + logits.shape[1]])
    ).tolist()
    if low == high:
        return logits
    pairs = excluded[low:high]
    return logits.index_put((pairs[:, 0], pairs[:, 1] - start), logits.new_tensor(-torch.inf))
