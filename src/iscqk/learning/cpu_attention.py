"""CPU only: faster ways to what `attention.blockwise` defines, which give the same within rounding.

The project's claims about its speed on CPUs rest on these; results do not depend on which way was
taken by more than the tests allow. A reader may take `attention.blockwise` for all of this.

`fused` serves a float32 bank, by torch's flash attention; `rounded` a bfloat16 bank, by bfloat16
products. Elsewhere than on a CPU, and in other precisions, neither is called.
"""

import torch
from torch import Tensor

from iscqk.learning.attention import BLOCK, LogPartitionAndMean, blockwise
from iscqk.models import torch_internals

# Parts of the bank that are taken side by side, so that all cores have work of their own.
_PARTS = 8
_ROUNDED_ROWS = 1024
# exp(64) times 2^32 rows still fits float32, so that up to here no maximum need be subtracted.
_SAFE_EXPONENT = 64.0
# A row with more than this share of the softmax is measured in float32 (see `rounded`).
_HEAVY = 1 / 4096


def faster(scaled: Tensor, bank: Tensor, at_least: Tensor | None) -> LogPartitionAndMean | None:
    """Return `blockwise` by the way that is faster here, or None where there is none.

    Args:
        scaled: (B, D) queries divided by the temperature.
        bank: (N, D).
        at_least: (B,), where it is known how large log Z is at least.
    """
    if scaled.dtype != torch.float32:
        return None
    if bank.dtype == torch.float32 and bank.is_contiguous():
        return fused(scaled, bank)
    if bank.dtype == torch.bfloat16 and scaled.norm(dim=1).amax() <= _SAFE_EXPONENT:
        return rounded(scaled, bank, at_least)
    return None


def fused(scaled: Tensor, bank: Tensor) -> LogPartitionAndMean:
    """Return `blockwise` by torch's flash attention, for a float32 bank.

    Every part of the bank stands in for a head of attention, and the parts are put together.
    """
    length = len(bank) // _PARTS
    whole = bank[: length * _PARTS].view(1, _PARTS, length, bank.shape[1])
    queries = scaled.expand(1, _PARTS, *scaled.shape)
    parts = [blockwise(scaled, bank[length * _PARTS :])] if length * _PARTS < len(bank) else []
    if length:
        means, log_z = torch_internals.flash_attention_on_cpu(queries, whole, whole)
        parts += zip(log_z[0], means[0], strict=True)
    return _together(parts)


def rounded(scaled: Tensor, bank: Tensor, at_least: Tensor | None = None) -> LogPartitionAndMean:
    """Return `blockwise` for a bfloat16 bank by bfloat16 products, with float32 accumulation.

    Products of bfloat16 come out rounded, off by up to 1/512 of themselves. Over many rows this
    averages out; the few rows that carry a query's softmax are taken out and measured in float32.
    What rounding the query itself moves is known to first order: dZ = sum_j exp(q.k_j) k_j.dq.
    Logits must be at most `_SAFE_EXPONENT`.

    Z is not known before the end, so that in the first rows too many pass for heavy; a bound on
    it from the positives, log Z >= `at_least`, spares most of them.
    """
    queries, together = scaled.to(torch.bfloat16), _PARTS * _ROUNDED_ROWS
    total, mean = scaled.new_zeros(len(scaled)), scaled.new_zeros(scaled.shape)
    heavy_total, heavy_mean = total.clone(), mean.clone()
    least = torch.zeros_like(total) if at_least is None else at_least.exp()
    weights = means = queries.new_empty(0, 0, 0)
    for group in bank.split(together):
        parts = _PARTS if len(group) == together else 1
        rows = group.reshape(parts, -1, bank.shape[1])
        if weights.shape[::2] != rows.shape[:2]:  # buffers: new memory for each would take time
            weights = queries.new_empty(parts, len(queries), rows.shape[1])
            means = queries.new_empty(parts, *queries.shape)
        torch.bmm(queries.expand(parts, *queries.shape), rows.mT, out=weights).exp_()
        sums = weights.sum(2, dtype=torch.float32)
        bound = torch.maximum(least, total + heavy_total + sums.sum(0)) * _HEAVY
        heavy = _heavy(weights, bound)
        sums.index_put_(heavy[:2], -weights[heavy].float(), accumulate=True)
        weights[heavy] = 0
        for part, query, row in zip(*(places.split(BLOCK) for places in heavy), strict=True):
            keys = rows[part, row].float()
            exact = (scaled[query] * keys).sum(1).exp()
            heavy_total.index_add_(0, query, exact)
            heavy_mean.index_add_(0, query, exact[:, None] * keys)
        total += sums.sum(0)
        mean += torch.bmm(weights, rows, out=means).sum(0, dtype=torch.float32)
    total += ((scaled - queries) * mean).sum(1) + heavy_total
    return total.log(), (mean + heavy_mean) / total[:, None]


def _heavy(weights: Tensor, bound: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return part, query and row of the weights (P, B, n) that are above a query's bound (B,)."""
    # None is negative, so that they are in the order of their bits, whose maximum is fast.
    most = weights.view(torch.int16).amax(2).view(weights.dtype)
    part, query = (most > bound).nonzero(as_tuple=True)
    which, row = (weights[part, query] > bound[query, None]).nonzero(as_tuple=True)
    return part[which], query[which], row


def _together(parts: list[LogPartitionAndMean]) -> LogPartitionAndMean:
    """Return the attention over a bank from that over its parts."""
    log_z, means = torch.stack([z for z, _ in parts]), torch.stack([mean for _, mean in parts])
    whole = log_z.logsumexp(0)
    return whole, ((log_z - whole).exp()[:, :, None] * means).sum(0)
