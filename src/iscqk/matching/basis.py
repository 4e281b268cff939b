"""What `likely` rests on: copies of the very references, made and looked up on the spot."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iscqk.formats.ids import BoolArray, IntArray
from iscqk.formats.image_shards import is_there
from iscqk.formats.stored_rows import JoinedRows
from iscqk.matching.chance import Chance, flagged, sample_size
from iscqk.matching.collection import NOTHING, Collection
from iscqk.matching.describing import describe_files
from iscqk.matching.neighbourhoods import (
    LISTED,
    Further,
    Lookup,
    Neighbourhoods,
)
from iscqk.matching.views import View

DoubleArray = NDArray[np.float64]

SAMPLE = 500  # references of which copies are made at most
_FEW = 125  # of which they are made at least, so that some may be of no use
LEAST = 100  # of them: fewer show no tail
_ENOUGH = LISTED // 2  # references that have to be left when those of one picture are taken out
# Two references are one picture where they are nearer to each other than three of four edited
# copies are to their originals.
_SAME = 0.75


class Basis(NamedTuple):
    """From what it is known which pairs are likely copies.

    Attributes:
        references: how many there are.
        copies: that were made of some of them; their leads where the original is there, (k,), or
            -inf where something else is nearer.
        chance: learned from the same copies where it is not; None: there is no basis.
        same: similarity from which two references are one picture.
        missing: why there is no basis, "" where there is one.
    """

    references: int
    copies: DoubleArray
    chance: Chance | None
    same: float
    missing: str = ""

    def chances(self, found: DoubleArray, is_flat: BoolArray) -> DoubleArray:
        """Return chances (n, m) of leads (n, m).

        Args:
            found: of the nearest references of n queries, the nearest first.
            is_flat: (n, m) where an image is of one colour, of which nothing is known.
        """
        assert self.chance is not None
        return np.where(is_flat, 1.0, self.chance.of(found))

    def told(self) -> str:
        """Return it in a line."""
        if self.chance is None:
            return f"none, {self.missing}"
        found = flagged(self.chance.of(self.copies)).mean()
        return (
            f"{len(self.copies):,} edited copies of the {self.references:,} references, "
            f"{found:.0%} of which would be called likely"
        )


def find_basis(
    lookup: Lookup, references: Collection, queries: int, cache: str | Path | None
) -> Basis:
    """Make copies of some references, and look them up with and without their originals.

    Args:
        lookup: of the queries.
        references: what may have been copied.
        queries: how many are to be judged: the fewer, the fewer copies it takes.
        cache: file that keeps the copies' descriptors for the next call.
    """
    wanted = min(max(_FEW, sample_size(queries)), SAMPLE)
    found = _of_copies(wanted, lookup, references, cache)
    if found.chance is None and wanted < SAMPLE:  # more may show what these did not
        found = _of_copies(SAMPLE, lookup, references, cache)
    return found


def _of_copies(
    wanted: int, lookup: Lookup, references: Collection, cache: str | Path | None
) -> Basis:
    """Return the basis of copies of `wanted` references, of all where there are fewer."""
    count = len(references)
    rows = _sample(references, wanted)
    if len(rows) < LEAST:
        what = "too few references" if count < LEAST else "too few of the references' images left"
        return _none(count, f"{what} to tell copies from chance, {len(rows)} of at least {LEAST}")
    paths = [Path(path) for path in references.paths(np.array(rows))]
    view = View("queries", lookup.orientations, edited=True)
    copies = describe_files(lookup.model, view, paths, cache, lookup.threads)
    row_of = {str(path): row for path, row in zip(paths, rows, strict=True)}
    own = np.array([row_of[path] for path in copies.paths(np.arange(len(copies)))])
    return _learned(lookup, copies.vectors, references.vectors, own)


def _none(references: int, missing: str) -> Basis:
    return Basis(references, np.empty(0), None, 1.0, missing)


def _sample(references: Collection, wanted: int) -> list[int]:
    """Return rows of references that are there and not of one colour, at random."""
    order = np.random.default_rng(0).permutation(np.flatnonzero(~references.flat))
    order = order[references.there[order]]
    found: list[int] = []
    for start in range(0, len(order), SAMPLE):
        rows = order[start : start + SAMPLE]
        paths = zip(rows.tolist(), references.paths(rows), strict=True)
        found += [row for row, path in paths if is_there(path)]
        if len(found) >= wanted:
            break
    return sorted(found[:wanted])


def _learned(lookup: Lookup, copies: JoinedRows, vectors: JoinedRows, own: IntArray) -> Basis:
    """Learn from copies of the references in rows `own` of vectors (N, D)."""
    count = len(vectors)
    # As few copies as are made are one block.
    ((_, near, further),) = lookup.blocks(copies, LISTED)
    originals = near.references == own[:, None]
    if originals.any(1).mean() < 0.5:
        return _none(count, "the model finds too few of the copies made of them")
    same = float(np.quantile(np.where(originals, near.similarities, -2).max(1), _SAME))
    first = np.einsum("nd,nd->n", vectors[near.references[:, 0]], vectors[own])
    is_found = originals[:, 0] | (first >= same)  # another file of the picture does as well
    found = np.where(is_found, near.leads(vectors, same, further)[:, 0], -np.inf)
    ((_, every, further),) = lookup.blocks(copies, 2 * LISTED, own)
    others = _of_other_pictures(every, vectors, own, same)

    def look(rows: IntArray, count: int) -> Neighbourhoods:
        return _of_other_pictures(further.look(rows, count), vectors, own[rows], same)

    enough = (others.references != NOTHING).sum(1) >= _ENOUGH
    if enough.sum() < LEAST:
        return _none(count, "nearly all references are copies of each other")
    leads = others.leads(vectors, same, Further(further.vectors, look), enough)
    chance = Chance.of_sample(leads[enough, 0])
    return Basis(count, found, chance, same)


def _of_other_pictures(
    near: Neighbourhoods, vectors: JoinedRows, own: IntArray, same: float
) -> Neighbourhoods:
    """Return neighbourhoods of copies without what is the picture of their originals (n,)."""
    alike = np.einsum("nmd,nd->nm", vectors[near.references], vectors[own]) >= same
    return near.without(alike | (near.similarities >= same))
