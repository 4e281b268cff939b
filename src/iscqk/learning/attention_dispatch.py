"""Attention over a bank by the fastest way that serves, also where processes share the bank."""

from torch import Tensor

from iscqk.learning import cpu_attention, distributed, gpu_attention
from iscqk.learning.attention import LogPartitionAndMean, blockwise
from iscqk.learning.precision import upcast


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
    scaled = upcast(queries) / temperature
    # The faster ways are for rows that there are: of no query, torch's own ends the process.
    serve = excluded is None and len(scaled) > 0 and len(bank) > 0
    found = _faster(scaled, bank, at_least) if serve else None
    log_z, mean = blockwise(scaled, bank, excluded) if found is None else found
    if not shared:
        return log_z, mean
    whole = distributed.all_log_sum_exp(log_z)
    return whole, distributed.all_reduce_sum((log_z - whole).exp()[:, None] * mean)


def _faster(scaled: Tensor, bank: Tensor, at_least: Tensor | None) -> LogPartitionAndMean | None:
    """Return `blockwise` by a device's own way, or None where it has none that serves."""
    if bank.device.type == "cpu":
        return cpu_attention.faster(scaled, bank, at_least)
    return gpu_attention.faster(scaled, bank)
