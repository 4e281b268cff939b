"""The references nearest to each image, and how far ahead of the others they are."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from iscqk.formats.stored_rows import JoinedRows
from iscqk.matching.chance import NEIGHBOUR, leads
from iscqk.matching.collection import NOTHING
from iscqk.matching.model import Model
from iscqk.retrieval.nearest import nearest_of_each
from iscqk.retrieval.search import Pairs, Vectors

# From queries (n, D), a count and threads: so many references of each, nearest first, `NOTHING` at
# the end where an index knows no more.
Search = Callable[[FloatArray, int, int], Pairs]

# References of an image: five pictures are among them unless some are there often.
LISTED = 32
MOST_FILES = 16  # of a picture; a kind of image has more
_APART = 3  # times as far, in squares, as any file of a picture is what stands apart from it
_ONE_FILE = 0.995  # of descriptors that are of almost one file
_AT_ONCE = 16_384  # images looked up together: more take more memory, and little less time
_COMPARED_AT_ONCE = 2**24  # numbers of references' descriptors: 64 MB
_FURTHER = 4  # times as many references are looked at where five pictures are not among these
_LOOKED_AT = 2**26  # references of all that are looked at further in a block, and numbers of one


class Neighbourhoods(NamedTuple):
    """What n images are nearest to, of the references that are not the same file.

    Attributes:
        references: (n, m) rows, nearest first, `NOTHING` where there are no more.
        similarities: (n, m) cosines of their descriptors, -1 to 1, or -2.
        levels: (n,) what to take off similarities for scores.
        kinds: (n, k) the same cosines of the model's nearest `Parts.kinds`, nearest first.
    """

    references: IntArray
    similarities: DoubleArray
    levels: DoubleArray
    kinds: DoubleArray

    @classmethod
    def joined(cls, blocks: Iterable["LookedUp"]) -> "Neighbourhoods":
        """Return what `Lookup.blocks` yields as one, for few queries."""
        columns = zip(*(block.near for block in blocks), strict=True)
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
            self.kinds,
        )

    def part(self, rows: IntArray, count: int) -> "Neighbourhoods":
        """Return the first `count` columns of some rows."""
        return Neighbourhoods(
            self.references[rows, :count],
            self.similarities[rows, :count],
            self.levels[rows],
            self.kinds[rows],
        )

    def leads(
        self,
        vectors: JoinedRows,
        same: float,
        further: "Further | None" = None,
        counts: BoolArray | None = None,
        files: int = NEIGHBOUR,
    ) -> DoubleArray:
        """Return the leads (n, m), see `iscqk.matching.chance`; drawn kinds are pictures, too.

        Args:
            vectors: (N, D) unit rows of all references.
            same: similarity from which two references are one picture.
            further: gives more references of some rows, where these are fewer than five pictures;
                without it, or where that would be too many, the last of them stands for the fifth.
            counts: (n,) of which rows it matters; all, if not said.
            files: of a picture at most: more that are alike are a kind of image, as screens of a
                telephone and pages of text are, of which each counts, but what is almost one file.
        """
        fifth, is_fewer = self._fifths(vectors, same, files)
        left = np.flatnonzero(is_fewer if counts is None else is_fewer & counts)
        if further and len(left):
            first, which = further.different(left)
            found = fifth[left[first]]
            listed = self.references.shape[1]
            _look_further(found, left[first], further, listed, (vectors, same, files))
            fifth[left] = found[which]
        is_there = self.references != NOTHING
        return leads(np.where(is_there, self.similarities, fifth[:, None]), fifth)

    def leads_apart(self, same: float) -> DoubleArray:
        """Return the leads (n, m) of files of one picture that stand apart, -inf of all others.

        They are over the first reference that is less alike than one picture's files are, no
        further than the fifth picture. Of a kind of image some are about as alike as `same`, so
        that no gap is there.
        """
        is_there = self.references != NOTHING
        is_file = is_there & (self.similarities >= same)
        beyond = np.where(is_there & ~is_file, self.similarities, -2).max(1)
        beyond = np.maximum(beyond, self.kinds.max(1, initial=-2))
        farthest = np.where(is_file, self.similarities, 1).min(1)
        is_apart = (beyond > -2) & (1 - beyond >= _APART * (1 - farthest))
        is_apart &= is_file.sum(1) < MOST_FILES  # beside the image itself
        found = leads(self.similarities, beyond)
        return np.where(is_file & is_apart[:, None], found, -np.inf)

    def _fifths(
        self, vectors: JoinedRows, same: float, files: int
    ) -> tuple[DoubleArray, BoolArray]:
        """Return (n,) the similarity of the fifth picture, and where there are fewer.

        There it is that of the last reference, and more of them may be further pictures.
        """
        count, listed = self.references.shape
        at_once = _rows_at_once(listed, vectors)
        fifth, is_fewer = np.ones(count), np.ones(count, np.bool_)
        for start in range(0, count, at_once):
            part = slice(start, start + at_once)
            fifth[part], is_fewer[part] = self._fifths_of(part, vectors, same, files)
        return fifth, is_fewer

    def _fifths_of(
        self, part: slice, vectors: JoinedRows, same: float, files: int
    ) -> tuple[DoubleArray, BoolArray]:
        references, similarities = self.references[part], self.similarities[part]
        near = vectors[references]
        others = references != NOTHING  # than the pictures found so far
        last = np.where(others, similarities, np.inf).min(1, initial=np.inf)
        last[np.isinf(last)] = 1
        rows, rank, found = np.arange(len(near)), np.zeros(len(near), np.int64), others.any(1)
        listed, pictures = others.copy(), [np.where(found, similarities[:, 0], last)]
        for _ in range(NEIGHBOUR - 1):
            alike = np.einsum("nmd,nd->nm", near, near[rows, rank])
            is_kind = (listed & (alike >= same)).sum(1) > files
            others &= alike < np.where(is_kind, max(_ONE_FILE, same), same)[:, None]
            others[rows, rank] = False
            rank, found = others.argmax(1), others.any(1)
            pictures.append(np.where(found, similarities[rows, rank], last))
        # Drawn kinds are pictures, too; further references are no nearer than the last of these.
        every = np.sort(np.column_stack([*pictures, self.kinds[part]]), axis=1)
        fifth = every[:, -NEIGHBOUR]
        return fifth, ~found & (fifth <= last)


class Further(NamedTuple):
    """How to look further than a block's neighbourhoods reach.

    Attributes:
        vectors: (n, D) what was looked up.
        look: from rows (k,) of these and a count to so many references of each.
    """

    vectors: FloatArray
    look: Callable[[IntArray, int], Neighbourhoods]

    def different(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return which of some rows (k,) differ, as copies of a file do not, and which each is."""
        some = self.vectors[rows]
        _, first, which = np.unique(some, axis=0, return_index=True, return_inverse=True)
        return first, which.ravel()


def _look_further(
    fifth: DoubleArray,
    rows: IntArray,
    further: Further,
    count: int,
    alike: tuple[JoinedRows, float, int],
) -> None:
    """Put the similarity of the fifth picture of rows (k,) into `fifth` (k,), where it is found.

    `alike` is as `Neighbourhoods.leads` has it: vectors, same and files.
    """
    vectors, *_ = alike
    left, size = np.arange(len(rows)), vectors.shape[1]
    while len(left) and max(len(left), size) * (count := count * _FURTHER) <= _LOOKED_AT:
        parts, at_once = [], _rows_at_once(count, vectors)
        for start in range(0, len(left), at_once):
            part = left[start : start + at_once]
            more = further.look(rows[part], count)
            fifth[part], is_fewer = more._fifths(*alike)
            is_all = (more.references.shape[1] < count) | (more.references[:, -1] == NOTHING)
            parts.append(part[is_fewer & ~is_all])
        left = np.concatenate(parts)


def _rows_at_once(listed: int, vectors: JoinedRows) -> int:
    """Return of how many images the descriptors of all their references are in memory at once."""
    return max(1, _COMPARED_AT_ONCE // max(1, listed * vectors.shape[1]))


class LookedUp(NamedTuple):
    """Some queries, one after the other, what they are nearest to, and how to look further."""

    rows: slice
    near: Neighbourhoods
    further: Further


class Lookup(NamedTuple):
    """How queries are looked up.

    Attributes:
        model: which described them and the references.
        search: by which the references are looked through.
        threads: to compute with.
        orientations: of the queries.
    """

    model: Model
    search: Search
    threads: int = 1
    orientations: int = 1

    def blocks(
        self, queries: Vectors, count: int, left_out: IntArray | None = None
    ) -> Iterator[LookedUp]:
        """Yield the `count` references nearest to each query, for some rows after others.

        Of several orientations that one counts in which the nearest reference's score is highest.

        Args:
            queries: (n, orientations * D) descriptors.
            count: m.
            left_out: (n,) a reference to leave out for each query, `NOTHING` for none.
        """
        total, step = queries.shape[0], max(1, _AT_ONCE // self.orientations)
        if left_out is None:
            left_out = np.full(total, NOTHING)
        for start in range(0, total, step):
            part = slice(start, min(start + step, total))
            vectors = queries[part].reshape(-1, queries.shape[1] // self.orientations)
            own, levels = left_out[part].repeat(self.orientations), self._levels(vectors)
            near = self._nearest(vectors, own, levels, np.arange(len(vectors)), count)
            best = _best_orientation(near, self.orientations)
            look = partial(self._nearest, vectors[best], own[best], levels[best])
            yield LookedUp(part, near.part(best, count), Further(vectors[best], look))

    def _levels(self, vectors: FloatArray) -> DoubleArray:
        """Return (n,) what to take off similarities of vectors (n, D), all orientations told."""
        levels = self.model.levels(vectors)
        if self.orientations == 1:
            return levels
        turned = self.model.levels_of_orientations(self.orientations)
        return levels + np.tile(turned, len(levels) // self.orientations)

    def _nearest(
        self,
        vectors: FloatArray,
        own: IntArray,
        levels: DoubleArray,
        chosen: IntArray,
        count: int,
    ) -> Neighbourhoods:
        """Return the neighbourhoods of chosen rows of vectors, without what is their own."""
        # one more, in place of the one that is left out
        found = self.search(vectors[chosen], count + 1, self.threads)
        rows = found.reference_index.reshape(len(chosen), -1)
        similarities = 1 - found.squared_distance.reshape(rows.shape) / 2  # of unit vectors
        kinds = self._kinds_near(vectors[chosen])
        near = Neighbourhoods(rows, similarities, levels[chosen], kinds)
        return near.without(rows == own[chosen, None]).part(np.arange(len(chosen)), count)

    def _kinds_near(self, vectors: FloatArray) -> DoubleArray:
        """Return similarities (n, k) of the model's kinds that are nearest to vectors (n, D)."""
        kinds = self.model.kinds
        if kinds is None:
            return np.empty((len(vectors), 0))
        found = nearest_of_each(vectors, kinds, NEIGHBOUR, self.threads)
        return 1 - found.squared_distance.reshape(len(vectors), -1) / 2


def exactly(references: Vectors) -> Search:
    """Return the exact search among references (N, D)."""
    return lambda queries, count, threads: nearest_of_each(queries, references, count, threads)


def _best_orientation(near: Neighbourhoods, orientations: int) -> IntArray:
    """Return the row of each query's best orientation, of its rows one after the other."""
    scores = (near.similarities[:, 0] - near.levels).reshape(-1, orientations)
    rows: IntArray = np.arange(len(scores)) * orientations + scores.argmax(1)
    return rows
