"""Exact global search: the nearest pairs over all queries and references together.

The challenge ranks one list of pairs. Taking some nearest references *of each query* first would
make a query's result depend on the other references, which its rules forbid; so the N pairs of
smallest squared L2 distance are taken over everything (isc2021 `isc/descriptor_matching.py`).

Blocks of references are streamed past the queries. `screening` names the pairs of two blocks that
can be among the N nearest; those are measured in float64, as sum((q - r)^2), and compete for the N
places. Equal distances rank by query, then by reference, so that there is one right result,
whatever the blocks and the threads.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from iscqk.errors import UserError
from iscqk.formats.arrays import DoubleArray, FloatArray, IntArray
from iscqk.formats.hdf5 import first_not_finite
from iscqk.retrieval.screening import Block, pairs_within
from iscqk.runtime.logs import progress
from iscqk.runtime.threads import computing_threads, in_order

_QUERY_BLOCK = 2048  # queries in a block, fewer where threads would have none
_REFERENCE_BLOCK = 2048
# Pairs measured at a time: their float64 differences fit a processor's cache.
_PAIRS_PER_CHUNK = 1024


class NotFinite(UserError):
    """A vector is not finite: which row, counted from 0, of which side."""

    def __init__(self, side: str, row: int) -> None:
        super().__init__(f"{side} row {row} holds NaN or infinity; describe it again")
        self.side, self.row = side, row


class Vectors(Protocol):
    """(n, d) float32 vectors that can be read a slice of rows at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""

    def __getitem__(self, rows: slice, /) -> FloatArray: ...


class Pairs(NamedTuple):
    """(n,) rows of queries and references, and their float64 squared L2 distances, ascending."""

    query_index: IntArray
    reference_index: IntArray
    squared_distance: DoubleArray


def global_search(
    queries: Vectors,
    references: Vectors,
    max_results: int,
    threads: int = 1,
) -> Pairs:
    """Return the `max_results` nearest pairs, or all where there are fewer.

    Memory: the queries, `max_results` pairs, and for each thread a block of products with what it
    finds. References are read once.

    Args:
        queries: (nq, d) float32.
        references: (nb, d) float32.
        max_results: N, from 1.
        threads: blocks of queries worked on at a time.

    Returns:
        Pairs ordered by (distance, query, reference): the result of measuring every pair in
        float64 and sorting, to the last bit.

    Raises:
        UserError: a vector that is not finite, dimensions that differ, N or `threads` below 1.
    """
    check_sides(queries, references, max_results, threads)
    nearest = _Nearest(max_results, references.shape[0])
    starts = range(0, references.shape[0], _REFERENCE_BLOCK)
    size = min(_QUERY_BLOCK, max(1, -(-queries.shape[0] // threads)))
    query_blocks = [Block.of_queries(*block) for block in blocks_of(queries, size, "query")]
    reference_blocks = blocks_of(references, _REFERENCE_BLOCK, "reference")
    rows = progress(reference_blocks, len(starts), "search, blocks of references")
    blocks = (Block.of_references(*block) for block in rows)
    pairs = ((ours, theirs) for theirs in blocks for ours in query_blocks)
    with workers(threads) as pool:
        # no further ahead, so that each starts from a recent cut and few results wait
        for found in in_order(pool, lambda pair: nearest.among(*pair), pairs, threads + 1):
            nearest.add(*found)
    return nearest.ordered()


@contextmanager
def workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Yield threads that compute in one thread each.

    OpenBLAS and torch would spread every product over all cores, whatever this job was given.
    """
    with threadpool_limits(1, "blas"), computing_threads(count) as threads:
        yield threads


class _Nearest:
    """The nearest pairs so far, and what a pair must be before to join them."""

    def __init__(self, limit: int, references: int) -> None:
        self._limit = limit
        self._references = references
        self._distances = np.empty(0, dtype=np.float64)
        self._keys = np.empty(0, dtype=np.int64)  # query row * references + reference row
        self._waiting: list[tuple[DoubleArray, IntArray]] = []
        # The distance and key of the last pair, in one, as other threads read it meanwhile.
        self._last = (np.inf, np.iinfo(np.int64).max)

    def among(self, queries: Block, references: Block) -> tuple[DoubleArray, IntArray]:
        """Return distances and keys of a block's pairs that may join. Changes nothing."""
        cut, last_key = self._last
        rows, columns = pairs_within(queries, references, cut, self._limit)
        distances = measured(queries, references, rows, columns)
        keys = (queries.start + rows) * self._references + references.start + columns
        joining = (distances < cut) | ((distances == cut) & (keys < last_key))
        return distances[joining], keys[joining]

    def add(self, distances: DoubleArray, keys: IntArray) -> None:
        """Let pairs join, and every so often drop those beyond the limit."""
        self._waiting.append((distances, keys))
        waiting = sum(len(keys) for _, keys in self._waiting)
        full = len(self._keys) + waiting > self._limit
        # a fresh cut saves measuring, selecting costs time: an eighth of the places balances them
        if full and (np.isinf(self._last[0]) or waiting > self._limit // 8 + 1024):
            self._select()

    def ordered(self) -> Pairs:
        """Return the nearest pairs in order."""
        self._select()
        order = np.lexsort((self._keys, self._distances))
        query_index, reference_index = np.divmod(self._keys[order], max(self._references, 1))
        return Pairs(query_index, reference_index, self._distances[order])

    def _select(self) -> None:
        """Keep the first `limit` by (distance, key)."""
        distances = np.concatenate([self._distances, *(pair[0] for pair in self._waiting)])
        keys = np.concatenate([self._keys, *(pair[1] for pair in self._waiting)])
        self._waiting = []
        if len(keys) > self._limit:
            kept = _smallest(distances, keys, self._limit)
            distances, keys = distances[kept], keys[kept]
        if len(keys) == self._limit:
            cut = float(distances.max())
            self._last = cut, int(keys[distances == cut].max())
        self._distances, self._keys = distances, keys


def measured(queries: Block, references: Block, rows: IntArray, columns: IntArray) -> DoubleArray:
    """Return (m,) squared L2 distances of pairs, by their rows in two blocks."""
    distances = np.empty(len(rows), dtype=np.float64)
    for start in range(0, len(rows), _PAIRS_PER_CHUNK):
        chunk = slice(start, start + _PAIRS_PER_CHUNK)
        distances[chunk] = squared_distances(
            queries.vectors[rows[chunk]], references.vectors[columns[chunk]]
        )
    return distances


def squared_distances(left: FloatArray, right: FloatArray) -> DoubleArray:
    """Return (m,) squared L2 distances of (m, d) rows, in float64."""
    difference = left.astype(np.float64) - right
    squared: DoubleArray = np.square(difference, out=difference).sum(axis=1)
    return squared


def _smallest(distances: DoubleArray, keys: IntArray, count: int) -> NDArray[np.intp]:
    """Return where the `count` smallest by (distance, key) are, in no order."""
    cut = np.partition(distances, count - 1)[count - 1]
    nearer = np.flatnonzero(distances < cut)
    tied = np.flatnonzero(distances == cut)
    places = count - len(nearer)
    first = np.argpartition(keys[tied], places - 1)[:places]
    return np.concatenate([nearer, tied[first]])


def blocks_of(vectors: Vectors, size: int, side: str) -> Iterator[tuple[int, FloatArray]]:
    """Yield (first row, vectors) of blocks of rows; UserError at a row that is not finite."""
    for start in range(0, vectors.shape[0], size):
        block = np.asarray(vectors[start : start + size], dtype=np.float32)
        if (wrong := first_not_finite(block)) is not None:
            raise NotFinite(side, start + wrong)
        yield start, block


def check_sides(queries: Vectors, references: Vectors, max_results: int, threads: int) -> None:
    """Raise UserError where two sides cannot be searched, or less than one thing is asked for."""
    if queries.shape[1] != references.shape[1]:
        dimensions = f"{queries.shape[1]} and {references.shape[1]}"
        raise UserError(f"queries and references have {dimensions} dimensions; describe them alike")
    if max_results < 1:
        raise UserError(f"{max_results} results asked for; ask for at least 1")
    if threads < 1:
        raise UserError(f"{threads} threads asked for; at least 1 is needed")
