"""Which images are likely copies of each other, by what a search has found of each."""

from collections.abc import Sequence

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from iscqk.matching.basis import Basis
from iscqk.matching.chance import NO_DISTANCE, SAME_PIXELS
from iscqk.matching.collection import NOTHING, Collection
from iscqk.matching.groups import AreCopies, star_groups
from iscqk.matching.judged_pairs import JudgedPairs
from iscqk.matching.linked import LinkedImages
from iscqk.retrieval.search import squared_distances

Group = list[tuple[int, float, float]]  # rows with similarity and chance, the centre first
# From so many linked images on it is worth while to find out which of them are to be measured.
_SCREENED = 256


class LikelyCopies:
    """Which images, by their rows among references, are likely copies of each other."""

    def __init__(
        self,
        queries: Collection,
        references: Collection,
        rows: IntArray,
        found: JudgedPairs,
        basis: Basis,
        orientations: int,
    ) -> None:
        """Take what was found.

        Args:
            queries: all images as queries.
            references: the same as references, whose rows are meant below.
            rows: (q,) of the queries among these, `NOTHING` for one that is not there.
            found: of each query.
            basis: that it was judged by.
            orientations: of the queries.
        """
        self._queries, self._references = queries, references
        self._basis, self._orientations = basis, orientations
        self._is_one = queries is references
        likely = found.likely
        least = found.lead[likely].min(initial=np.inf)
        # the similarity from which on a reference is a likely copy of each query, but for rounding
        distances = np.maximum(1 - found.nearest, NO_DISTANCE)
        fifths = np.log(distances) + found.first_lead
        self._fifths = np.append(fifths, np.nan)  # log of the distance that a lead is over
        needed = 1 - distances * np.exp(found.first_lead - least) - NO_DISTANCE
        needed = np.where(np.isnan(needed), SAME_PIXELS, needed)  # without a basis
        self._needed = np.append(needed, np.inf)  # the last stands for `NOTHING`
        self._links = rows[found.query[likely]], found.reference[likely]
        self._query_of = np.full(len(references), NOTHING)
        self._query_of[rows[rows != NOTHING]] = np.flatnonzero(rows != NOTHING)

    def groups(self) -> list[Group]:
        """Return groups of rows, each with its similarity to the centre and the pair's chance."""
        ours, theirs = self._links
        known = ours != NOTHING
        links = list(zip(ours[known].tolist(), theirs[known].tolist(), strict=True))
        return [
            [(centre, 1.0, np.nan), *self._judged(centre, others)]
            for centre, *others in star_groups(links, self._are_copies_in)
        ]

    def _are_copies_in(self, linked: IntArray) -> AreCopies:
        """Return what tells copies of one of these rows, ascending, among others of them."""
        if len(linked) < _SCREENED:
            return self._are_copies
        queries = self._query_of[linked]
        vectors = self._queries.vectors[queries].reshape(len(linked), self._orientations, -1)
        references = self._references.vectors[linked]
        images = LinkedImages(vectors, references, self._needed[queries], self._is_one)

        def are_copies(centre: int, others: IntArray) -> BoolArray:
            can_be = images.can_be_copies(int(np.searchsorted(linked, centre)))
            found = can_be[np.searchsorted(linked, others)]
            if found.any():
                found[found] = self._are_copies(centre, others[found])
            return found

        return are_copies

    def _are_copies(self, centre: int, others: IntArray) -> BoolArray:
        as_query, as_reference = self._both_ways(centre, others)
        needed = self._needed[self._query_of[others]]
        is_flat = self._references.flat[centre] | self._references.flat[others]
        likely = (as_query >= self._needed[self._query_of[centre]]) | (as_reference >= needed)
        found: BoolArray = likely & ~is_flat
        return found

    def _judged(self, centre: int, others: Sequence[int]) -> Group:
        both = self._both_ways(centre, others)
        queries = self._query_of[centre], self._query_of[list(others)]
        leads = (
            self._fifths[query] - np.log(np.maximum(1 - similarities, NO_DISTANCE))
            for query, similarities in zip(queries, both, strict=True)
        )
        similar, lead = np.maximum(*both), np.fmax(*leads)
        chances = self._basis.chances(similar, lead, np.zeros(len(others), np.bool_))
        return list(zip(others, similar.tolist(), chances.tolist(), strict=True))

    def _both_ways(
        self, centre: int, others: IntArray | Sequence[int]
    ) -> tuple[DoubleArray, DoubleArray]:
        """Return (n,) similarities of a centre to others where it is the query, and they are."""
        rows = np.array([centre, *others])
        vectors = self._references.vectors[rows]
        ours, theirs = vectors[0], vectors[1:]
        # (n, D) of the images as queries, orientation by orientation
        turned = self._queries.vectors[self._query_of[rows]]
        turned = turned.reshape(len(rows), self._orientations, -1).swapaxes(0, 1)
        as_query = as_reference = np.max([_similarities(theirs, way[0]) for way in turned], 0)
        if not self._is_one:  # as which both ways are the same
            as_reference = np.max([_similarities(way[1:], ours) for way in turned], 0)
        is_query = self._query_of[rows] != NOTHING  # where it is not, another's row stands there
        return np.where(is_query[0], as_query, -2), np.where(is_query[1:], as_reference, -2)


def _similarities(rows: FloatArray, row: FloatArray) -> DoubleArray:
    """Return cosines (n,) of unit rows (n, D) to one, as the search computes them."""
    return 1 - squared_distances(rows, row) / 2
