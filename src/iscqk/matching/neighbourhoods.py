"""The references nearest to each image, and how far ahead of the others they are."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iscqk.formats.hdf5 import FloatArray
from iscqk.formats.ids import BoolArray, IntArray
from iscqk.formats.stored_rows import JoinedRows
from iscqk.matching.chance import leads
from iscqk.matching.collection import NOTHING
from iscqk.matching.model import Model
from iscqk.retrieval.nearest import nearest_of_each
from iscqk.retrieval.search import Pairs, Vectors

DoubleArray = NDArray[np.float64]
# From queries (n, D), a count and threads: so many references of each, nearest first, `NOTHING` at
# the end where an index knows no more.
Search = Callable[[FloatArray, int, int], Pairs]

# References of an image, so that five pictures are among them where some are there often.
LISTED = 32
_AT_ONCE = 16_384  # images looked up together: more take more memory, and little less time
_ROWS_AT_ONCE = 512  # images whose references are compared with each other, at most
_COMPARED_AT_ONCE = 2**24  # pairs of references: 64 MB


class Neighbourhoods(NamedTuple):
    """What n images are nearest to, of the references that are not the same file.

    Attributes:
        references: (n, m) rows, nearest first, `NOTHING` where there are no more.
        similarities: (n, m) cosines of their descriptors, -1 to 1, or -2.
        levels: (n,) what to take off similarities for scores.
    """

    references: IntArray
    similarities: DoubleArray
    levels: DoubleArray

    @classmethod
    def joined(cls, blocks: Iterable[tuple[slice, "Neighbourhoods"]]) -> "Neighbourhoods":
        """Return what `blocks_of_neighbourhoods` yields as one, for few queries."""
        columns = zip(*(near for _, near in blocks), strict=True)
        return cls(*map(np.concatenate, columns))

    def without(self, left_out: BoolArray) -> "Neighbourhoods":
        """Return the rest where some (n, m) are left out, in as many columns."""
        similarities = np.where(left_out, -2, self.similarities)
        order = np.argsort(-similarities, axis=1, kind="stable")
        references = np.where(left_out, NOTHING, self.references)
        return Neighbourhoods(
            np.take_along_axis(references, order, 1),
            np.take_along_axis(similarities, order, 1),
            self.levels,
        )

    def part(self, rows: IntArray, count: int) -> "Neighbourhoods":
        """Return the first `count` columns of some rows."""
        return Neighbourhoods(
            self.references[rows, :count], self.similarities[rows, :count], self.levels[rows]
        )

    def leads(self, vectors: JoinedRows, same: float) -> DoubleArray:
        """Return the leads (n, m), see `iscqk.matching.chance`.

        Args:
            vectors: (N, D) unit rows of all references.
            same: similarity from which two references are one picture.
        """
        is_there = self.references != NOTHING
        last = self.similarities.min(1, where=is_there, initial=1, keepdims=True)
        similarities = np.where(is_there, self.similarities, last)
        count, listed = self.references.shape
        at_once = min(_ROWS_AT_ONCE, max(1, _COMPARED_AT_ONCE // max(1, listed) ** 2))
        parts = [np.empty((0, listed))]
        for start in range(0, count, at_once):
            part = slice(start, start + at_once)
            near = vectors[self.references[part]]
            alike = np.einsum("nid,njd->nij", near, near, optimize=True) >= same
            parts.append(leads(similarities[part], alike))
        return np.concatenate(parts)


def blocks_of_neighbourhoods(
    model: Model,
    queries: Vectors,
    search: Search,
    count: int,
    threads: int = 1,
    orientations: int = 1,
    left_out: IntArray | None = None,
) -> Iterator[tuple[slice, Neighbourhoods]]:
    """Yield the `count` references nearest to each query, for some rows of queries after others.

    Of several orientations that one counts in which the nearest reference's score is highest.

    Args:
        model: which described both.
        queries: (n, orientations * D) descriptors.
        search: by which the references are looked through.
        count: m.
        threads: to compute with.
        orientations: of the queries.
        left_out: (n,) a reference to leave out for each query, `NOTHING` for none.
    """
    total, step = queries.shape[0], max(1, _AT_ONCE // orientations)
    if left_out is None:
        left_out = np.full(total, NOTHING)
    for start in range(0, total, step):
        part = slice(start, min(start + step, total))
        vectors = queries[part].reshape(-1, queries.shape[1] // orientations)
        own = left_out[part].repeat(orientations)
        # one more, in place of the one that is left out
        found = search(vectors, count + 1, threads)
        rows = found.reference_index.reshape(len(vectors), -1)
        similarities = 1 - found.squared_distance.reshape(rows.shape) / 2  # of unit vectors
        near = Neighbourhoods(rows, similarities, model.levels(vectors))
        near = near.without(rows == own[:, None])
        yield part, near.part(_best_orientation(near, orientations), count)


def exactly(references: Vectors) -> Search:
    """Return the exact search among references (N, D)."""
    return lambda queries, count, threads: nearest_of_each(queries, references, count, threads)


def _best_orientation(near: Neighbourhoods, orientations: int) -> IntArray:
    """Return the row of each query's best orientation, of its rows one after the other."""
    scores = (near.similarities[:, 0] - near.levels).reshape(-1, orientations)
    rows: IntArray = np.arange(len(scores)) * orientations + scores.argmax(1)
    return rows
