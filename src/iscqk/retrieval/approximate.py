"""Approximate search for each query by itself, by an index of faiss: where exact takes too long.

Vectors lie in lists, each around a centroid, every two of their coordinates in four bits (IVF and
PQ, by faiss's "fast scan"). A query looks through the lists of the nearest centroids; the best of
what is there are measured again in float64 by the vectors themselves, so that what is found is
ordered as by an exact search. What lies in other lists is missed. A submission is never made so:
the challenge's score counts what is missed, and its rules forbid nearest neighbours of each query.

The kind and the numbers were chosen by `iscqk benchmark-index`.
"""

from pathlib import Path
from typing import Any

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from iscqk.formats.printable_names import printable
from iscqk.formats.sealed import read_sealed, write_sealed
from iscqk.formats.stored_rows import JoinedRows
from iscqk.retrieval.faiss_library import load_faiss
from iscqk.retrieval.search import Pairs, blocks_of, squared_distances
from iscqk.runtime.logs import progress

LOOKED_AT = 256  # lists of a query
LEAST = 10_000  # vectors that an index is made of: fewer are searched exactly at once

_LEARNED_OF = 40  # vectors of each list from which centroids are learned
_CANDIDATES = 4  # times as many as are asked for are measured again
_ROWS_AT_ONCE = 65_536
_QUERIES_AT_ONCE = 128
_PAIRS_AT_ONCE = 16_384  # whose vectors are in memory together
_NOTHING = -1
_REMEDY = "remove it, and it is made again"
_FAR = 6.0  # squared distance of what is not there, further than unit vectors can be


class ApproximateIndex:
    """An index of unit vectors; `faiss` is the one of that library."""

    def __init__(self, index: Any) -> None:
        self.faiss = index

    @classmethod
    def of(cls, vectors: JoinedRows, threads: int, kind: str = "") -> "ApproximateIndex":
        """Make an index of vectors (n, d), which are read twice.

        Args:
            vectors: at least one for each list.
            threads: to compute with.
            kind: faiss's name of another than that of `kind_of`.
        """
        load_faiss().omp_set_num_threads(threads)
        count, size = vectors.shape
        lists = lists_of(count)
        index = load_faiss().index_factory(size, kind or kind_of(count, size))
        rows = np.random.default_rng(0).permutation(count)[: _LEARNED_OF * lists]
        index.train(vectors[np.sort(rows)])
        blocks = blocks_of(vectors, _ROWS_AT_ONCE, "reference")
        for _, block in progress(blocks, -(-count // _ROWS_AT_ONCE), "index, blocks of images"):
            index.add(block)
        return cls(index)

    @classmethod
    def read(cls, path: Path, shape: tuple[int, int]) -> "ApproximateIndex":
        """Read what `write` wrote of vectors of a shape (n, d).

        faiss trusts what it reads, so that nothing but what was written goes to it.

        Raises:
            UserError: it is damaged, was not written here, or is of other vectors.
        """
        try:
            content = read_sealed(path)
        except ValueError:
            raise UserError(
                f"{printable(path)}: damaged, or of another program; {_REMEDY}"
            ) from None
        index = load_faiss().deserialize_index(np.frombuffer(content, np.uint8))
        if (index.ntotal, index.d) != shape:
            raise UserError(f"{printable(path)}: of other descriptors; {_REMEDY}")
        return cls(index)

    def write(self, path: Path) -> None:
        """Write the index, behind its digest."""
        write_sealed(path, load_faiss().serialize_index(self.faiss).tobytes())

    def __len__(self) -> int:
        return int(self.faiss.ntotal)

    def nearest(
        self,
        queries: FloatArray,
        vectors: JoinedRows,
        count: int,
        threads: int = 1,
        allowed: BoolArray | None = None,
        looked_at: int | None = None,
    ) -> Pairs:
        """Return `count` references of each query, the nearest ones but for those that are missed.

        Args:
            queries: (q, d) unit rows.
            vectors: (n, d), of which this is the index.
            count: from 1.
            threads: to compute with.
            allowed: (n,) which may be found; None: all.
            looked_at: lists of a query, if not `LOOKED_AT`.

        Returns:
            q * count pairs like those of `nearest_of_each`; where a query's lists have fewer, the
            last have the reference -1 and a squared distance that no pair has.
        """
        load_faiss().omp_set_num_threads(threads)
        parameters = self._parameters(looked_at or LOOKED_AT, allowed)
        found = []
        starts = range(0, len(queries), _QUERIES_AT_ONCE)
        for start in progress(starts, len(starts), "search by the index, blocks of queries"):
            block = np.ascontiguousarray(queries[start : start + _QUERIES_AT_ONCE])
            found.append(self.faiss.search(block, count * _CANDIDATES, params=parameters)[1])
        rows, distances = _measured(queries, vectors, np.concatenate(found), count)
        return Pairs(np.repeat(np.arange(len(queries)), count), rows.ravel(), distances.ravel())

    def _parameters(self, looked_at: int, allowed: BoolArray | None) -> Any:
        """Return which lists and vectors are looked at."""
        library = load_faiss()
        lists = library.SearchParametersIVF(nprobe=looked_at)
        if allowed is not None:
            lists.sel = library.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if isinstance(self.faiss, library.IndexPreTransform):  # which adds a coordinate
            return library.SearchParametersPreTransform(index_params=lists)
        return lists


def kind_of(count: int, size: int) -> str:
    """Return faiss's name of the index of so many vectors of a size, which is made even."""
    even = size + size % 2
    padded = f"Pad{even}," if even > size else ""
    return f"{padded}IVF{lists_of(count)},PQ{even // 2}x4fs"


def lists_of(count: int) -> int:
    """Return how many lists so many vectors are divided into: a power of two up to 4 sqrt(n)."""
    return int(2 ** np.floor(np.log2(4 * np.sqrt(count))))


def _measured(
    queries: FloatArray, vectors: JoinedRows, rows: IntArray, count: int
) -> tuple[IntArray, DoubleArray]:
    """Return the `count` nearest (q, count) of candidates (q, m), and their squared distances.

    Candidates are measured in their order, whosever they are: each vector is read once, and those
    that lie together are read together.
    """
    every, distances = rows.ravel(), np.empty(rows.size)
    order = np.argsort(every)
    for start in range(0, len(order), _PAIRS_AT_ONCE):
        part = order[start : start + _PAIRS_AT_ONCE]
        distances[part] = squared_distances(queries[part // rows.shape[1]], vectors[every[part]])
    distances[every == _NOTHING] = _FAR
    of_each = distances.reshape(rows.shape)
    order = np.lexsort((rows, of_each))[:, :count]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(of_each, order, 1)
