"""The softmax over a bank in one pass: log Z and the mean row, without the (B, N) matrix.

    log Z_i = log sum_j exp(q_i.k_j / t),    m_i = sum_j p_ij k_j,    p_ij = exp(q_i.k_j / t) / Z_i

which is attention with V := K and its log-sum-exp. `blocked` is the definition with a running
maximum (Milakov and Gimelshein, arXiv:1805.02867) and serves everywhere; the others compute the
same faster where they can.
"""

import torch
from torch import Tensor

from iscqk.learning import processes
from iscqk.learning.numerics import wide

BLOCK = 4096  # bank rows at a time: 4 MiB of float32 at D = 256, which stays in a core's cache

# Parts of the bank that are taken side by side, so that all cores have work of their own.
_PARTS = 8
_ROUNDED_ROWS = 1024
# exp(64) times 2^32 rows still fits float32, so that up to here no maximum need be subtracted.
_SAFE_EXPONENT = 64.0
# A row with more than this share of the softmax is measured in float32 (see `rounded`).
_HEAVY = 1 / 4096

LogPartitionAndMean = tuple[Tensor, Tensor]  # (B,) and (B, D)


def attention(
    queries: Tensor,
    bank: Tensor,
    temperature: Tensor | float,
    excluded: Tensor | None = None,
    shared: bool = False,
    at_least: Tensor | None = None,
) -> LogPartitionAndMean:
    """Return log Z (B,) and the mean row (B, D) of queries' softmax over a bank; no gradients.

    Args:
        queries: (B, D), any float type.
        bank: (N, D), unit rows in float32, bfloat16 or float64.
        temperature: positive scalar.
        excluded: (M, 2) int64 pairs (query, bank row) that take no part, sorted by bank row.
        shared: whether `bank` is this process's part of one; queries are alike in all processes.
        at_least: (B,), where it is known how large log Z is at least; a help to be fast.

    Returns:
        Both in float32, or in float64 where queries are.
    """
    scaled = wide(queries) / temperature
    log_z, mean = _choose(scaled, bank, excluded, at_least)
    if not shared:
        return log_z, mean
    whole = processes.log_sum_exp(log_z)
    return whole, processes.total((log_z - whole).exp()[:, None] * mean)


def _choose(
    scaled: Tensor, bank: Tensor, excluded: Tensor | None, at_least: Tensor | None
) -> LogPartitionAndMean:
    """Take the fastest way that serves."""
    if bank.device.type == "cpu" and scaled.dtype == torch.float32 and excluded is None:
        if bank.dtype == torch.float32 and bank.is_contiguous():
            return fused(scaled, bank)
        if bank.dtype == torch.bfloat16 and scaled.norm(dim=1).amax() <= _SAFE_EXPONENT:
            return rounded(scaled, bank, at_least)
    return blocked(scaled, bank, excluded)


def blocked(scaled: Tensor, bank: Tensor, excluded: Tensor | None = None) -> LogPartitionAndMean:
    """Return `attention` of queries that are divided by the temperature; the reference."""
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
    return (peak + total.log()).squeeze(1), mean / total


def mask_excluded(logits: Tensor, start: int, excluded: Tensor | None) -> Tensor:
    """Return logits (B, n) of the rows from `start` on, -inf where a pair is excluded."""
    if excluded is None:
        return logits
    low, high = torch.searchsorted(
        excluded[:, 1].contiguous(), torch.tensor([start, start + logits.shape[1]])
    ).tolist()
    if low == high:
        return logits
    pairs = excluded[low:high]
    return logits.index_put((pairs[:, 0], pairs[:, 1] - start), logits.new_tensor(-torch.inf))


def fused(scaled: Tensor, bank: Tensor) -> LogPartitionAndMean:
    """Return `blocked` by torch's flash attention: float32 on a CPU.

    Every part of the bank stands in for a head of attention, and the parts are put together.
    """
    length = len(bank) // _PARTS
    whole = bank[: length * _PARTS].view(1, _PARTS, length, bank.shape[1])
    queries = scaled.expand(1, _PARTS, *scaled.shape)
    parts = [blocked(scaled, bank[length * _PARTS :])] if length * _PARTS < len(bank) else []
    if length:
        means, log_z = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            queries, whole, whole, scale=1.0
        )
        parts += zip(log_z[0], means[0], strict=True)
    return _together(parts)


def rounded(scaled: Tensor, bank: Tensor, at_least: Tensor | None = None) -> LogPartitionAndMean:
    """Return `blocked` for a bfloat16 bank by bfloat16 products, with float32 accumulation.

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
        # None is negative, so that they are in the order of their bits, whose maximum is fast.
        most = weights.view(torch.int16).amax(2).view(weights.dtype)
        part, query = (most > bound).nonzero(as_tuple=True)
        if len(part):
            which, row = (weights[part, query] > bound[query, None]).nonzero(as_tuple=True)
            taken = (part[which], query[which], row)
            sums.index_put_(taken[:2], -weights[taken].float(), accumulate=True)
            weights[taken] = 0
            for some, at in zip(which.split(BLOCK), row.split(BLOCK), strict=True):
                of = query[some]
                keys = rows[part[some], at].float()
                exact = (scaled[of] * keys).sum(1).exp()
                heavy_total.index_add_(0, of, exact)
                heavy_mean.index_add_(0, of, exact[:, None] * keys)
        total += sums.sum(0)
        mean += torch.bmm(weights, rows, out=means).sum(0, dtype=torch.float32)
    total += ((scaled - queries) * mean).sum(1) + heavy_total
    return total.log(), (mean + heavy_mean) / total[:, None]


def _together(parts: list[LogPartitionAndMean]) -> LogPartitionAndMean:
    """Return the attention over a bank from that over its parts."""
    log_z, means = torch.stack([z for z, _ in parts]), torch.stack([mean for _, mean in parts])
    whole = log_z.logsumexp(0)
    return whole, ((log_z - whole).exp()[:, :, None] * means).sum(0)
