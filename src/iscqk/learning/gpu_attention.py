"""GPU only: `attention.blockwise` for a bfloat16 bank, by products of bfloat16 summed in float32.

Written without a GPU at hand: the tests run it on a CPU, where but for the products' kernel it is
the same code. Speed and memory there have not been measured.
"""

import torch
from torch import Tensor

from iscqk.learning.attention import LogPartitionAndMean

# Of similarities (float32) and weights (bfloat16) of a block together; the queries' own tensors
# take a few MiB beside it, so that 64 hold all at 1,024 queries of 256 dimensions.
_BLOCK_BYTES = 48 * 2**20
_BYTES_OF_A_PAIR = 4 + 2
_FEWEST_ROWS = 128


def faster(scaled: Tensor, bank: Tensor) -> LogPartitionAndMean | None:
    """Return `blockwise` by the way that is meant to be faster here, or None where there is none.

    Args:
        scaled: (B, D) queries divided by the temperature.
        bank: (N, D).
    """
    serves = bank.is_cuda and bank.dtype == torch.bfloat16 and scaled.dtype == torch.float32
    return rounded(scaled, bank) if serves else None


def rounded(scaled: Tensor, bank: Tensor) -> LogPartitionAndMean:
    """Return `blockwise` for a bfloat16 bank (N, D) and float32 queries (B, D).

    The bank's rows are exact in bfloat16; what is rounded is queries, and weights before they meet
    the rows. What the first moves in log Z is known to first order, dZ = sum_j exp(q.k_j) k_j.dq.
    The rounded weights are divided by their own sum, so that the mean row of a softmax that is
    nearly all on one row is nearly that row.
    """
    queries = scaled.to(bank.dtype)
    peak = scaled.new_full((len(scaled), 1), torch.finfo(scaled.dtype).min)
    total, total_rounded = scaled.new_zeros((2, len(scaled), 1))
    mean = torch.zeros_like(scaled)  # not yet divided by the total
    for rows in bank.split(rows_at_once(len(scaled))):
        logits = product(queries, rows.T)
        new_peak = torch.maximum(peak, logits.amax(1, keepdim=True))
        decay, peak = (peak - new_peak).exp_(), new_peak
        sums, rounded_sums, means = _of_block(logits.sub_(peak).exp_(), rows)
        del logits  # before the next block's are made
        total = total * decay + sums
        total_rounded = total_rounded * decay + rounded_sums
        mean = mean.mul_(decay).add_(means)
    mean /= total_rounded
    moved = ((scaled - queries) * mean).sum(1)
    return (peak + total.log()).squeeze(1) + moved, mean


def _of_block(weights: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sums (B, 1) of weights (B, n), of them rounded, and what these make of rows."""
    low = weights.to(rows.dtype)
    sums = weights.sum(1, keepdim=True)
    return sums, low.sum(1, keepdim=True, dtype=weights.dtype), product(low, rows)


def rows_at_once(queries: int) -> int:
    """Return how many rows of the bank so many queries meet at a time."""
    fitting = _BLOCK_BYTES // (_BYTES_OF_A_PAIR * max(queries, 1))
    return max(fitting // _FEWEST_ROWS * _FEWEST_ROWS, _FEWEST_ROWS)


def product(left: Tensor, right: Tensor) -> Tensor:
    """Return the float32 product of bfloat16 (n, d) and (d, m), which is summed in float32."""
    if left.is_cuda:
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()
