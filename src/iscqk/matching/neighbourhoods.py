"""The references nearest to each image, and how far ahead of the others they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iscqk.formats.hdf5 import FloatArray
from iscqk.formats.ids import BoolArray
from iscqk.formats.image_index import ImageIndex
from iscqk.matching.chance import leads
from iscqk.matching.inputs import identity
from iscqk.matching.model import Model
from iscqk.retrieval.nearest import nearest_of_each

IntArray = NDArray[np.int64]
DoubleArray = NDArray[np.float64]

LISTED = (
    32  # references of an image, so that five pictures are among them where some are there often
)
NOTHING = -1  # in place of a reference that is not there
_AT_ONCE = 65_536  # images looked up together
_ROWS_AT_ONCE = 512  # images whose references are compared with each other


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

    def leads(self, vectors: FloatArray, same: float) -> DoubleArray:
        """Return the leads (n, m), see `iscqk.matching.chance`.

        Args:
            vectors: (N, D) unit rows of all references.
            same: similarity from which two references are one picture.
        """
        is_there = self.references != NOTHING
        last = self.similarities.min(1, where=is_there, initial=1, keepdims=True)
        similarities = np.where(is_there, self.similarities, last)
        parts = [np.empty((0, self.references.shape[1]))]
        for start in range(0, len(self.references), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            near = vectors[self.references[part]]
            alike = np.einsum("nid,njd->nij", near, near, optimize=True) >= same
            parts.append(leads(similarities[part], alike))
        return np.concatenate(parts)


def find_neighbourhoods(
    model: Model,
    queries: ImageIndex,
    references: ImageIndex,
    count: int,
    threads: int = 1,
    orientations: int = 1,
    left_out: IntArray | None = None,
) -> Neighbourhoods:
    """Return the `count` references nearest to each query, by an exact search.

    Of several orientations that one counts in which the nearest reference's score is highest.

    Args:
        model: which described both.
        queries: n images, in so many orientations each.
        references: what they are looked up among.
        count: m.
        threads: to compute with.
        orientations: of the queries.
        left_out: (n,) a reference to leave out for each query, `NOTHING` for none.
    """
    size, step = references.vectors.shape[1], max(1, _AT_ONCE // orientations)
    if left_out is None:
        left_out = np.full(len(queries.files), NOTHING)
    parts = []
    for start in range(0, len(queries.files), step):
        vectors = queries.vectors[start : start + step].reshape(-1, size)
        own = left_out[start : start + step].repeat(orientations)
        # one more, in place of the one that is left out
        found = nearest_of_each(vectors, references.vectors, count + 1, threads)
        rows = found.reference_index.reshape(len(vectors), -1)
        similarities = 1 - found.squared_distance.reshape(rows.shape) / 2  # of unit vectors
        near = Neighbourhoods(rows, similarities, model.levels(vectors))
        near = near.without(rows == own[:, None])
        parts.append(near.part(_best_orientation(near, orientations), count))
    return Neighbourhoods(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def rows_of_same_files(queries: ImageIndex, references: ImageIndex) -> IntArray:
    """Return (n,) the row among references that is a query's own file, `NOTHING` for none."""
    rows = {identity(file.path): row for row, file in enumerate(references.files)}
    return np.array([rows.get(identity(file.path), NOTHING) for file in queries.files], np.int64)


def _best_orientation(near: Neighbourhoods, orientations: int) -> IntArray:
    """Return the row of each query's best orientation, of its rows one after the other."""
    scores = (near.similarities[:, 0] - near.levels).reshape(-1, orientations)
    rows: IntArray = np.arange(len(scores)) * orientations + scores.argmax(1)
    return rows
