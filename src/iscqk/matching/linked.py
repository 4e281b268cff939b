"""Which of many linked images can be likely copies of one of them, told by fast products."""

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray, FloatArray
from iscqk.retrieval.screening import Block, pairs_within

_ROUNDING = 1e-12  # of a similarity and of what it is compared with


class LinkedImages:
    """Images of which each is asked for what can be a copy of it, or it of that."""

    def __init__(
        self, queries: FloatArray, references: FloatArray, needed: DoubleArray, is_one: bool
    ) -> None:
        """Take n images.

        Args:
            queries: (n, o, d) descriptors in o orientations; any where `needed` is infinite.
            references: (n, d)
            needed: (n,) similarity from which on a reference is a copy of the query.
            is_one: whether queries are the references.
        """
        self._orientations = queries.shape[1]
        self._queries = Block.of_queries(0, queries.reshape(-1, queries.shape[2]))
        self._references = Block.of_references(0, references)
        self._cuts = 2 * (1 - needed) + _ROUNDING
        self._is_one = is_one

    def can_be_copies(self, centre: int) -> BoolArray:
        """Return (n,) for each image whether it, or image `centre`, may be a copy of the other."""
        found = np.zeros(len(self._cuts), np.bool_)
        cuts, cut, limit = self._cuts, self._cuts[centre], len(self._queries.last)
        if self._is_one:  # both ways are as far
            cuts = np.maximum(cuts, cut)
        elif np.isfinite(cut):
            turned = slice(centre * self._orientations, (centre + 1) * self._orientations)
            ours = Block.of_queries(0, self._queries.vectors[turned])
            found[pairs_within(ours, self._references, cut, limit)[1]] = True
        ours = Block.of_references(0, self._references.vectors[centre : centre + 1])
        rows, _ = pairs_within(self._queries, ours, np.repeat(cuts, self._orientations), limit)
        found[rows // self._orientations] = True
        return found
