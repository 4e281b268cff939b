"""Which references are copied, and what earlier calls kept of those that are gone by now."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from iscqk.formats.arrays import BoolArray, FloatArray, IntArray
from iscqk.formats.described_images import DescribedImages, File, Row
from iscqk.formats.disk_errors import is_barred
from iscqk.formats.files import exclusive
from iscqk.formats.image_shards import is_there
from iscqk.matching.cache import DescriptorCache, further_of
from iscqk.matching.collection import Collection, Part, Source
from iscqk.matching.describing import describe_files
from iscqk.matching.neighbourhoods import Lookup
from iscqk.matching.views import View

Drawn = dict[int, str]  # of some references, ascending: the paths by the rows
Kept = dict[int, Row]  # of references that are gone, by the rows

_AT_ONCE = 500
_DRAWN_FROM = 2**15  # references; if these are of few pictures, so are the others


class Copied:
    """Edited copies of references, as they are looked up.

    A copy depends on nothing but the content of its original, so that what is kept of it serves as
    well where the original's disk is away.

    Attributes:
        barred: rows of references of which no copy is kept and that may not be read.
    """

    def __init__(self, lookup: Lookup, references: Collection, cache: str | Path | None) -> None:
        """Look at what there is to draw from; `cache`: file that keeps the copies' descriptors."""
        self._lookup, self._references, self._cache = lookup, references, cache
        self._view = View("queries", lookup.orientations, edited=True)
        order = np.random.default_rng(0).permutation(np.flatnonzero(~references.flat))
        gone = order[~references.there[order]][:_DRAWN_FROM]
        places = [cache, further_of(cache)] if cache else []
        self._kept = kept_of(gone, references, lookup, self._view, places)
        self.barred = {*np.flatnonzero(references.barred).tolist()} - self._kept.keys()
        can_be_copied = references.there.copy()
        can_be_copied[list(self._kept)] = True
        self._order = order[can_be_copied[order]][:_DRAWN_FROM]

    def drawn(self, wanted: int, same: float) -> Drawn:
        """Return references at random, none of one colour and no two of one picture.

        Else a picture that is there often would be taken for many that agree.
        """
        vectors = self._references.vectors
        found: list[tuple[int, str]] = []
        for start in range(0, len(self._order), _AT_ONCE):
            rows = self._order[start : start + _AT_ONCE]
            earlier = np.array([row for row, _ in found], int)
            rows = rows[are_others(vectors[rows], vectors[earlier], same)]
            some = zip(rows.tolist(), self._references.paths(rows), strict=True)
            found += [one for one in some if self._has_a_copy(*one)]
            if len(found) >= wanted:
                break
        return dict(sorted(found[:wanted]))

    def _has_a_copy(self, row: int, path: str) -> bool:
        """Return whether a reference's copy is kept or can be made; note what may not be read."""
        if row not in self._kept and is_barred(path):
            self.barred.add(row)
        return row in self._kept or (row not in self.barred and is_there(path))

    def copies(self, drawn: Drawn, is_further: bool = False) -> Collection:
        """Return copies of the references drawn.

        `is_further`: copies made in a second round, as the first were too few. They have a file of
        their own, as the next call asks for the first ones before it knows that it needs more.
        """
        place = further_of(self._cache) if self._cache and is_further else self._cache
        return described(drawn, self._lookup, self._view, place, self._kept)


def are_others(vectors: FloatArray, earlier: FloatArray, same: float) -> BoolArray:
    """Return (n,) which vectors (n, D) are of no picture before them, nor of `earlier` (k, D)."""
    alike = vectors @ np.concatenate([earlier, vectors]).T >= same
    found: BoolArray = ~np.tril(alike, len(earlier) - 1).any(1)
    return found


def kept_of(
    rows: IntArray,
    references: Collection,
    lookup: Lookup,
    view: View,
    places: Sequence[str | Path],
) -> Kept:
    """Return what some caches know of references in these rows that are gone, by their contents."""
    gone = rows[~references.there[rows]]
    if not (len(gone) and places):
        return {}
    files = [_gone(path) for path in references.paths(gone)]
    contents, found = references.contents(gone), dict[File, Row]()
    for place in places:
        with exclusive(place):
            cache = DescriptorCache(place, view.side, view.digest(lookup.model))
            found |= cache.find_contents(files, contents)
    return {
        row: found[file] for row, file in zip(gone.tolist(), files, strict=True) if file in found
    }


def described(
    drawn: Drawn, lookup: Lookup, view: View, cache: str | Path | None, kept: Kept
) -> Collection:
    """Return references with their descriptors: those that were kept, the others made now."""
    paths = [Path(path) for row, path in drawn.items() if row not in kept]
    known = {_gone(path): kept[row] for row, path in drawn.items() if row in kept}
    if not known:
        return describe_files(lookup.model, view, paths, cache, lookup.threads)
    parts = [Part.of(DescribedImages.of(known, view.side, view.digest(lookup.model)))]
    if not paths:
        return Collection([Source(parts)])
    fresh = describe_files(lookup.model, view, paths, cache, lookup.threads)
    return Collection([*fresh.sources, Source(parts)])


def _gone(path: str) -> File:
    """Return a file of which nothing is known but where it was."""
    return File(path, 0, 0, 0, 0)
