"""What `likely` rests on: copies of the very references, made and looked up on the spot."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from iscqk.formats.stored_rows import JoinedRows
from iscqk.images.augly_adapter import import_augly
from iscqk.matching.cache import originals_of
from iscqk.matching.chance import EQUAL, NEIGHBOUR, SAME_PIXELS, Chance, needed, sample_size
from iscqk.matching.collection import NOTHING, Collection
from iscqk.matching.copied import Copied, Drawn, are_others, described, kept_of
from iscqk.matching.neighbourhoods import Lookup
from iscqk.matching.sampled_leads import LEAST, with_originals, without_originals
from iscqk.matching.views import View, serves_both
from iscqk.retrieval.search import Vectors

SAMPLE = 500  # pictures of which copies are made at most
_FEW = 125  # that are tried at first, as some may be of no use


class Basis(NamedTuple):
    """From what it is known which pairs are likely copies.

    Attributes:
        references: how many there are.
        copies: (k,) the leads by which copies that were made of some find their originals, -inf
            where something else is nearer.
        chance: learned from the same copies without their originals; None: there is no basis.
        same: similarity from which two references are one picture.
        files: of a picture at most, see `Neighbourhoods.leads`.
        missing: why there is no basis, "" where there is one.
        unedited: the same from unedited references, whose leads are larger in uniform collections
            such as scanned text.
        queries: (n,) chances of the images that are judged by it; empty: none are yet.
    """

    references: int
    copies: DoubleArray
    chance: Chance | None
    same: float
    missing: str = ""
    unedited: Chance | None = None
    files: int = NEIGHBOUR
    queries: DoubleArray = np.empty(0)

    def chances(
        self, similarities: DoubleArray, found: DoubleArray, is_flat: BoolArray
    ) -> DoubleArray:
        """Return chances (n, m); without a basis NaN, but of the same pixels: those are copies.

        Args:
            similarities: (n, m) of the nearest references of n queries, the nearest first.
            found: their leads.
            is_flat: (n, m) where an image is of one colour, of which nothing is known.
        """
        if self.chance is None:
            return np.where(~is_flat & (similarities >= SAME_PIXELS), 0.0, np.nan)
        return np.where(is_flat, 1.0, self._of(found))

    def _of(self, found: DoubleArray) -> DoubleArray:
        """Return the larger chance of leads: nobody knows whether a query was edited."""
        learned = [chance.of(found) for chance in (self.chance, self.unedited) if chance]
        return np.max(learned, axis=0)

    def told(self) -> str:
        """Return it in a line."""
        if self.chance is None:
            return f"none, {self.missing}"
        copies = f"{len(self.copies):,} edited copies of the {self.references:,} references"
        if not len(self.queries):
            return copies
        found = (self._of(self.copies) <= needed(self.queries)).mean()
        beside = f" among these {len(self.queries):,} images" if len(self.queries) > 1 else ""
        return f"{copies}, {found:.0%} of which would be called likely{beside}"


def refuse_without_edits(references: int, cache: str | Path | None) -> None:
    """Raise UserError, before the work, where it takes copies and these cannot be made."""
    if references >= LEAST and not (cache and os.path.exists(cache)):
        import_augly()


def find_basis(
    lookup: Lookup, queries: Collection, references: Collection, cache: str | Path | None
) -> Basis:
    """Make copies of some references, and look them up with and without their originals.

    The originals are looked up, too, each without itself.

    Args:
        lookup: of the queries.
        queries: what is to be judged: the fewer, the fewer copies it takes.
        references: what may have been copied.
        cache: file that keeps the copies' descriptors for the next call.
    """
    wanted = min(max(_FEW, sample_size(len(queries))), SAMPLE)
    copied = Copied(lookup, references, cache)
    found, pictures = _of_copies(wanted, lookup, references, copied)
    if found.chance is None and wanted < SAMPLE:  # more may show what these did not
        found, pictures = _of_copies(SAMPLE, lookup, references, copied)
    if found.chance is None:
        return found
    alike = found.same, found.files
    unedited = _of_originals(pictures, lookup, queries, references, cache, *alike)
    return found._replace(unedited=unedited)


def _of_copies(
    wanted: int, lookup: Lookup, references: Collection, copied: Copied
) -> tuple[Basis, Drawn]:
    """Return the basis of copies of `wanted` pictures, of all where there are fewer; and these."""
    drawn = copied.drawn(wanted, EQUAL)
    if len(drawn) < LEAST:
        return _too_few(references, drawn, copied), drawn
    copies = copied.copies(drawn)
    found = _learned_of(drawn, copies, lookup, references)
    vectors = references.vectors[np.array(list(drawn))]
    if found.chance is None or are_others(vectors, vectors[:0], found.same).all():
        return found, drawn
    pictures = copied.drawn(wanted, found.same)
    if len(pictures) < LEAST:
        return _too_few(references, pictures, copied), pictures
    if fresh := {row: path for row, path in pictures.items() if row not in drawn}:
        further = copied.copies(fresh, is_further=True)
        copies = Collection([*copies.sources, *further.sources])
    return _learned_of(pictures, copies, lookup, references), pictures


def _of_originals(
    pictures: Drawn,
    lookup: Lookup,
    queries: Collection,
    references: Collection,
    cache: str | Path | None,
    same: float,
    files: int = NEIGHBOUR,
) -> Chance | None:
    """Learn from references as they are; None where too few have others beside them."""
    own = np.array(list(pictures))
    if serves_both(lookup.model, lookup.orientations):
        vectors: Vectors = references.vectors[own]
    else:
        own, vectors = _as_queries(pictures, lookup, queries, references, cache)
    if len(own) < LEAST:
        return None
    by_chance = without_originals(lookup, vectors, references.vectors, own, same, files)
    return None if by_chance is None else Chance.of_sample(by_chance)


def _as_queries(
    pictures: Drawn,
    lookup: Lookup,
    queries: Collection,
    references: Collection,
    cache: str | Path | None,
) -> tuple[IntArray, FloatArray]:
    """Return the rows (k,) of references, and (k, D) what describes them as queries.

    Those among the queries are described so already.
    """
    own = np.array(list(pictures))
    rows = queries.rows_of(references)[own]
    known = rows != NOTHING
    vectors = queries.vectors[rows[known]]
    if known.all():
        return own, vectors
    view, place = View("queries", lookup.orientations), originals_of(cache) if cache else None
    left = own[~known]
    kept = kept_of(left, references, lookup, view, [place] if place else [])
    left = left[references.there[left] | np.isin(left, list(kept))]
    if not len(left):
        return own[known], vectors
    asked = {row: pictures[row] for row in left.tolist()}
    others = described(asked, lookup, view, place, kept)
    rows = references.rows_of(others)
    some = np.flatnonzero(rows != NOTHING)  # not what was moved meanwhile
    rows = np.concatenate([own[known], rows[some]])
    return rows, np.concatenate([vectors, others.vectors[some]])


def _too_few(references: Collection, drawn: Drawn, copied: Copied) -> Basis:
    count, barred = len(references), len(copied.barred)
    gone = int((~(references.there | references.barred)).sum())
    what = "references" if count < LEAST else "different pictures left among the references"
    what = f"too few {what} to tell copies from chance, {len(drawn)} of at least {LEAST}"
    if gone:
        what += f"; {gone:,} gone, connect their disk"
    if barred:
        what += (
            f"; {barred:,} may not be read (Permission denied), make them and their folder readable"
        )
    return _none(count, what)


def _none(references: int, missing: str) -> Basis:
    return Basis(references, np.empty(0), None, 1.0, missing)


def _learned_of(drawn: Drawn, copies: Collection, lookup: Lookup, references: Collection) -> Basis:
    """Learn from those copies that are of some references."""
    row_of = {str(Path(path)): row for row, path in drawn.items()}
    originals = copies.paths(np.arange(len(copies)))
    own = np.array([row_of.get(path, NOTHING) for path in originals])
    some = np.flatnonzero(own != NOTHING)
    return _learned(lookup, copies.vectors[some], references.vectors, own[some])


def _learned(lookup: Lookup, copies: Vectors, vectors: JoinedRows, own: IntArray) -> Basis:
    """Learn from copies of the references in rows `own` of vectors (N, D)."""
    count = len(vectors)
    found = with_originals(lookup, copies, vectors, own)
    if found is None:
        return _none(count, "the model finds too few of the copies made of them")
    same, files, leads = found
    by_chance = without_originals(lookup, copies, vectors, own, same, files)
    if by_chance is None:
        return _none(count, "nearly all references are copies of each other")
    return Basis(count, leads, Chance.of_sample(by_chance), same, files=files)
