"""Ranking by the bank's own log-probability, inside the descriptor and within the rules.

micro-AP ranks the pairs of all queries in one list, so similarities must be comparable from query
to query; a softmax per query is blind to a constant added to all of a query's similarities. The
trained softmax has the remedy in it, its partition function over the bank of training images:

    s(q, r) = q.r - t log Z(q),   Z(q) = sum_j exp(q.k_j / t)    ( = t log p(r | q) + constant )

A query gets one more coordinate e and references 0 there, so that the grader's own distance says
-|q' - r'|^2 = 2 q.r - 2 - e^2; with e^2 = 2 t (log Z - c) this is 2 s(q, r) + constant. The bound
c = log N - 1/t <= log Z keeps e real and is the same for every query, so that each query and each
reference is still described on its own, as the rules demand.
"""

import math
from collections.abc import Iterable

import numpy as np
import torch

from iscqk.errors import UserError
from iscqk.formats.arrays import DoubleArray, FloatArray
from iscqk.learning.bank_loss import log_partition

_ROUNDING = 1e-3  # of similarities, as of descriptors in bfloat16


def of_queries(queries: FloatArray, bank: Iterable[FloatArray], temperature: float) -> FloatArray:
    """Append the coordinate e to queries.

    Args:
        queries: (n, D) unit rows.
        bank: blocks of (n, D) unit rows, N in all, descriptors of training images by the model
            of the references; a block in memory at a time.
        temperature: t > 0.

    Returns:
        (n, D + 1) float32.

    Raises:
        UserError: the bank has no row, or rows are longer than 1, for which the bound is none.
    """
    log_z, count = log_partition_over(queries, bank, temperature)
    bound = math.log(count) - 1 / temperature
    if (missing := bound - log_z.min(initial=math.inf)) > _ROUNDING / temperature:
        raise UserError(
            f"log_partition: log Z is {bound - missing:.4g}, which it is of no rows of length 1; "
            "divide each row of queries and bank by its length"
        )
    coordinate = np.sqrt(np.maximum(2 * temperature * (log_z - bound), 0))
    return np.column_stack([queries, coordinate]).astype(np.float32)


def level(queries: FloatArray, bank: Iterable[FloatArray], temperature: float) -> DoubleArray:
    """Return t (log Z - log N) (n,): how similar queries are to the bank, as a soft maximum.

    A similarity less this level ranks pairs as `of_queries` does; it tells how much more
    similar a reference is than training images are, whatever the bank's size. Arguments as there.
    """
    log_z, count = log_partition_over(queries, bank, temperature)
    return temperature * (log_z - math.log(count))


def log_partition_over(
    queries: FloatArray, bank: Iterable[FloatArray], temperature: float
) -> tuple[DoubleArray, int]:
    """Return log Z (n,) of queries (n, D) over the N rows in blocks of a bank, and N.

    Raises:
        UserError: there is no row.
    """
    log_z, count = np.full(len(queries), -np.inf), 0
    for block in bank:
        log_z = np.logaddexp(log_z, _log_partition(queries, block, temperature))
        count += len(block)
    if not count:
        raise UserError(
            "log_partition: the bank has no row, so there is no softmax over it; give descriptors "
            "of training images, or rank by similarity"
        )
    return log_z, count


def _log_partition(queries: FloatArray, block: FloatArray, temperature: float) -> FloatArray:
    """Return the (n,) log-partition of queries over a block of the bank."""
    rows = torch.from_numpy(block)
    parts = [log_partition(q, rows, temperature) for q in torch.from_numpy(queries).split(256)]
    found: FloatArray = torch.cat(parts).numpy()
    return found


def of_references(references: FloatArray) -> FloatArray:
    """Append a coordinate 0 to references (n, D)."""
    return np.column_stack([references, np.zeros(len(references), dtype=np.float32)])
