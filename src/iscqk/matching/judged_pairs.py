"""What is kept of all neighbourhoods: the pairs that are asked for, and how each query fares."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray, IntArray
from iscqk.matching.basis import Basis
from iscqk.matching.chance import LARGEST, flagged
from iscqk.matching.collection import NOTHING, Collection
from iscqk.matching.neighbourhoods import LookedUp


class JudgedPairs(NamedTuple):
    """Some pairs (n,), query by query, and of every query (q,) what its nearest reference tells.

    Attributes:
        query: rows of the queries.
        reference: rows of the references.
        rank: of the reference among the query's, from 1.
        similarity: of the two, -1 to 1.
        chance: NaN without a basis, but 0 of equal images.
        lead: see `iscqk.matching.chance`; NaN without a basis.
        level: (q,) what to take off a query's similarities for scores.
        nearest: (q,) the first similarity.
        first_lead: (q,)
        first_chance: (q,)
        is_flat: (q,) where the query or the first reference is of one colour, or there is none.
    """

    query: IntArray
    reference: IntArray
    rank: IntArray
    similarity: DoubleArray
    chance: DoubleArray
    lead: DoubleArray
    level: DoubleArray
    nearest: DoubleArray
    first_lead: DoubleArray
    first_chance: DoubleArray
    is_flat: BoolArray

    @classmethod
    def of(
        cls,
        queries: Collection,
        references: Collection,
        blocks: Iterable[LookedUp],
        basis: Basis,
        top: int | None = None,
    ) -> "JudgedPairs":
        """Keep the `top` nearest of each query, or else the pairs that may be called likely.

        Of the latter, for groups, files of a picture that stand apart from all others are likely,
        too: a group would be parted, as of many files the fifth is another of them.
        """
        found = (
            cls._of_block(block, queries.flat[block.rows], references, basis, top)
            for block in blocks
        )
        return cls(*map(np.concatenate, zip(*found, strict=True)))

    @classmethod
    def _of_block(
        cls,
        block: LookedUp,
        flat: BoolArray,
        references: Collection,
        basis: Basis,
        top: int | None,
    ) -> "JudgedPairs":
        near = block.near
        is_there = near.references != NOTHING
        is_flat = flat[:, None] | references.flat[near.references] | ~is_there
        leads = np.full(is_flat.shape, np.nan)
        if basis.chance is not None:
            leads = near.leads(
                references.vectors, basis.same, block.further, ~is_flat[:, 0], basis.files
            )
            if top is None:
                leads = np.maximum(leads, near.leads_apart(basis.same))
        chances = basis.chances(near.similarities, leads, is_flat)
        is_kept = chances <= LARGEST
        if top is not None:
            is_kept = is_there & (np.arange(is_there.shape[1]) < top)
        rows, ranks = np.nonzero(is_kept)
        return cls(
            block.rows.start + rows,
            near.references[rows, ranks],
            ranks + 1,
            near.similarities[rows, ranks],
            chances[rows, ranks],
            leads[rows, ranks],
            near.levels,
            # Copies, as views of the first column would keep all of them in memory.
            near.similarities[:, 0].copy(),
            leads[:, 0].copy(),
            chances[:, 0].copy(),
            is_flat[:, 0].copy(),
        )

    @property
    def chances(self) -> DoubleArray:
        """(k,) of the queries that are not of one colour, of each its first reference's."""
        return self.first_chance[~self.is_flat]

    @property
    def likely(self) -> BoolArray:
        """(n,) which pairs are likely copies; without a basis, those of equal images."""
        first = self.chances
        found: BoolArray = self.chance <= first[flagged(first)].max(initial=-1.0)
        return found
