"""Exact search for each query by itself: its nearest references, of any number of both.

For looking things up: the challenge's rules forbid it, see `search`. References are streamed past
blocks of queries, each of which keeps its nearest so far and how near a pair must be to join them;
`screening` names the pairs that can be, and those are measured in float64.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from iscqk.formats.arrays import DoubleArray, IntArray
from iscqk.retrieval.screening import Block, bounds_of_nearest, pairs_within
from iscqk.retrieval.search import Pairs, Vectors, blocks_of, check_sides, measured, workers
from iscqk.runtime.logs import progress

_QUERY_BLOCK = 1024  # queries in a block, fewer where threads would have none
_REFERENCE_BLOCK = 2048
_AT_ONCE = 65_536  # queries for which the references are read once
_NO_PAIRS = Pairs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))


def nearest_of_each(
    queries: Vectors,
    references: Vectors,
    count: int,
    threads: int = 1,
) -> Pairs:
    """Return the `count` references nearest to each query, or all where there are fewer.

    Memory: what is found and half as much again, 65,536 queries, and for each thread a block of
    products. References are read once for so many queries.

    Args:
        queries: (nq, d) float32.
        references: (nb, d) float32.
        count: from 1.
        threads: blocks of queries worked on at a time.

    Returns:
        Pairs ordered by (query, distance, reference), exact like those of `global_search`.

    Raises:
        UserError: as `global_search`.
    """
    check_sides(queries, references, count, threads)
    count = min(count, references.shape[0])
    size = min(_QUERY_BLOCK, max(1, -(-queries.shape[0] // threads)))
    held = max(1, _AT_ONCE // size)
    found = [_NO_PAIRS]

    def passes() -> Iterator[tuple[list[_NearestOfEach], Block]]:
        blocks = blocks_of(queries, size, "query")
        while some := [_NearestOfEach(Block.of_queries(*b), count) for b in islice(blocks, held)]:
            for block in blocks_of(references, _REFERENCE_BLOCK, "reference"):
                yield some, Block.of_references(*block)
            found.extend(each.found() for each in some)

    total = -(-queries.shape[0] // (size * held)) * -(-references.shape[0] // _REFERENCE_BLOCK)
    with workers(threads) as pool:
        for some, block in progress(passes(), total, "search, blocks of references"):
            _pass(pool, some, block)
    return Pairs(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _pass(pool: ThreadPoolExecutor, some: list["_NearestOfEach"], references: Block) -> None:
    """Let references pass all blocks of queries that are held."""
    for _ in pool.map(lambda each: each.look_at(references), some):
        pass


class _NearestOfEach:
    """The nearest references so far of each query of a block, by (query, distance, reference).

    What is nearer than those waits behind them until there is no room left: to sort all of it for
    every block of references would take a third of the time, where there are many. The room is
    there from the start. Were it taken bit by bit, between the products, the system's allocator
    would find ever fewer places for these, and the process would grow with the references.
    """

    def __init__(self, queries: Block, count: int) -> None:
        self._queries, self._count = queries, count
        size = len(queries.last)
        self._cuts = np.full(size, np.inf)
        room = size * (count + count // 2 + 1)
        # Rows in 16 bits where they fit: NumPy sorts such numbers fastest.
        self._rows = np.empty(room, np.min_scalar_type(size))
        self._references = np.empty(room, np.int64)
        self._distances = np.empty(room)
        self._used = 0

    def look_at(self, references: Block) -> None:
        """Keep what is nearer than what was found before, of references after all others."""
        if np.isinf(self._cuts).any():
            bounds = bounds_of_nearest(self._queries, references, self._count)
            self._cuts = np.minimum(self._cuts, bounds)
        limit = len(self._cuts) * len(references.last)
        rows, columns = pairs_within(self._queries, references, self._cuts, limit)
        distances = measured(self._queries, references, rows, columns)
        joining = distances <= self._cuts[rows]
        self._add(rows[joining], references.start + columns[joining], distances[joining])

    def _add(self, rows: IntArray, references: IntArray, distances: DoubleArray) -> None:
        """Let pairs wait, and keep the nearest whenever the room is full."""
        done = 0
        while done < len(rows):
            there = slice(self._used, self._used + len(rows) - done)
            added = len(self._rows[there])
            part = slice(done, done + added)
            self._rows[there] = rows[part]
            self._references[there] = references[part]
            self._distances[there] = distances[part]
            self._used, done = self._used + added, done + added
            if self._used == len(self._rows):
                self._keep()

    def _keep(self) -> None:
        """Keep the nearest of what there is."""
        rows, distances = self._rows[: self._used], self._distances[: self._used]
        # Each query's references lie in their order, and the sort leaves equal ones in it.
        order = np.lexsort((distances, rows))
        starts = np.searchsorted(rows[order], np.arange(len(self._cuts), dtype=rows.dtype))
        ranks = np.arange(len(order)) - starts[rows[order]]
        kept, full = order[ranks < self._count], order[ranks == self._count - 1]
        self._cuts[rows[full]] = distances[full]
        self._used = len(kept)
        for column in (self._rows, self._references, self._distances):
            column[: len(kept)] = column[kept]

    def found(self) -> Pairs:
        """Return them."""
        self._keep()
        rows = self._queries.start + self._rows[: self._used].astype(np.int64)
        return Pairs(rows, self._references[: self._used], self._distances[: self._used])
