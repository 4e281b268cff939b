"""References looked through by indexes, which are kept beside the descriptors, and what they miss.

Each file of descriptors has its own, `photos.<digest>.faiss` beside `photos.h5`, named by what is
described; another takes its place when that changes. Sources of few images are searched exactly.
"""

import hashlib
import logging
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iscqk.formats.arrays import DoubleArray, FloatArray, IntArray
from iscqk.formats.described_shards import beside, listed_shards
from iscqk.formats.files import sha256_of
from iscqk.formats.image_shards import Version, version_of
from iscqk.formats.locks import remove_unlocked
from iscqk.formats.path_checks import linked, refuse_unwritable
from iscqk.formats.printable_names import printable
from iscqk.formats.stored_rows import JoinedRows, StoredRows
from iscqk.matching.collection import NOTHING, Collection, Source
from iscqk.matching.neighbourhoods import LISTED, Lookup, Neighbourhoods, Search, exactly
from iscqk.retrieval.approximate import LEAST, ApproximateIndex
from iscqk.retrieval.search import Pairs, Vectors

logger = logging.getLogger(__name__)

_VERSION = "PQ4fs, 2"  # of what is made of the same descriptors
_SAMPLE = 500  # images that are looked up exactly, too


class Recall(NamedTuple):
    """What of an exact search the index found, for a sample of the images.

    Attributes:
        images: in the sample.
        nearest: share of them whose nearest reference it found.
        listed: share of their nearest `LISTED` that it found.
    """

    images: int
    nearest: float
    listed: float


NO_INDEX = Recall(0, 1.0, 1.0)  # of a search that is exact, as no source has enough images


def have_indexes(references: Collection) -> bool:
    """Return whether any source has enough images for an index."""
    counts = (sum(len(part.flat) for part in source.parts) for source in references.sources)
    return any(count >= LEAST for count in counts)


def by_indexes(references: Collection, threads: int) -> Search:
    """Return the search by the index of each source; those that are missing are made and kept."""
    members, start = [], 0
    for source, kept in zip(references.sources, references.kept_of_sources(), strict=True):
        members.append(_Member(source, kept, start, threads))
        start += len(members[-1])

    def search(queries: FloatArray, count: int, threads: int) -> Pairs:
        return _nearest_of_all([member(queries, count, threads) for member in members], count)

    return search


def check_index_places(paths: list[Path]) -> None:
    """Raise UserError where the index of a file of descriptors is missing and cannot be kept."""
    for path in paths:
        count = sum(len(StoredRows(shard)) for shard in listed_shards(path))
        if count >= LEAST and not (place := _place_of(path)).exists():
            refuse_unwritable(place)


class _Member:
    """A source, looked through by its index, or exactly if it is small."""

    def __init__(self, source: Source, kept: IntArray | None, start: int, threads: int) -> None:
        """`kept`: which of the source's rows are references, in rows from `start` on."""
        parts = [part.vectors for part in source.parts]
        self._kept, self._start = kept, start
        self._every, self._own = JoinedRows(parts), JoinedRows(parts, kept)
        is_small = len(self._every) < LEAST
        self._index = None if is_small else _index_of(source, self._every, threads)

    def __len__(self) -> int:
        return len(self._own)

    def __call__(
        self, queries: FloatArray, count: int, threads: int
    ) -> tuple[IntArray, DoubleArray]:
        """Return rows and squared distances (q, m) of at most `count` references of each query."""
        if self._index is None:
            found = exactly(self._own)(queries, count, threads)
            return self._shaped(queries, found, found.reference_index)
        allowed = None
        if self._kept is not None:
            allowed = np.zeros(len(self._every), np.bool_)
            allowed[self._kept] = True
        found = self._index.nearest(queries, self._every, count, threads, allowed)
        rows = found.reference_index
        if self._kept is not None:
            rows = np.where(rows == NOTHING, NOTHING, np.searchsorted(self._kept, rows))
        return self._shaped(queries, found, rows)

    def _shaped(
        self, queries: FloatArray, found: Pairs, rows: IntArray
    ) -> tuple[IntArray, DoubleArray]:
        rows = np.where(rows == NOTHING, NOTHING, self._start + rows)
        return rows.reshape(len(queries), -1), found.squared_distance.reshape(len(queries), -1)


def _nearest_of_all(found: list[tuple[IntArray, DoubleArray]], count: int) -> Pairs:
    """Return the nearest of what all members found."""
    rows, distances = (np.concatenate(columns, axis=1) for columns in zip(*found, strict=True))
    order = np.lexsort((rows, distances))[:, :count]
    queries = np.repeat(np.arange(len(rows)), order.shape[1])
    return Pairs(
        queries,
        np.take_along_axis(rows, order, 1).ravel(),
        np.take_along_axis(distances, order, 1).ravel(),
    )


def _index_of(source: Source, vectors: JoinedRows, threads: int) -> ApproximateIndex:
    """Return the index of a file of descriptors, or of some that are kept nowhere.

    A file that was written again since these were read has no index of them.
    """
    path = source.path
    if path is None or version_of(path) != source.version:
        return ApproximateIndex.of(vectors, threads)
    place = _place_of(path)
    if place.exists():
        return ApproximateIndex.read(place, vectors.shape)
    logger.info("%s: made of %d images", printable(place), len(vectors))
    index = ApproximateIndex.of(vectors, threads)
    index.write(place)
    _remove_others(path, place)
    return index


def _remove_others(path: Path, kept: Path) -> None:
    """Remove the other indexes of a file of descriptors, half written ones of before, too."""
    name = re.escape(beside(path, "").name) + "[0-9a-f]{16}"
    of_path = re.compile(rf"{name}\.faiss|\.{name}\.part\.faiss")
    for other in kept.parent.iterdir():
        if of_path.fullmatch(other.name) and other != kept:
            remove_unlocked(other)


def _place_of(path: Path) -> Path:
    """Return where the index of a file of descriptors lies."""
    return _place(linked(path), version_of(path))


@lru_cache(maxsize=256)
def _place(path: Path, _: Version) -> Path:
    """Return the place for one version of a file, which is read once for all calls."""
    what = f"{_VERSION} {sha256_of(path)}"  # of a list, too: shards are named by what is in them
    return beside(path, f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.faiss")


def recall_of(lookup: Lookup, queries: JoinedRows, references: Vectors, own: IntArray) -> Recall:
    """Look some of the queries up exactly, and see what the lookup finds of that.

    Args:
        lookup: that is judged.
        queries: (n, orientations * D).
        references: (N, D).
        own: (n,) the reference that is a query's own file, `NOTHING` for none.
    """
    rows = np.unique(np.linspace(0, len(queries) - 1, _SAMPLE).astype(np.int64))
    some, left_out = queries[rows], own[rows]
    exact, found = (
        Neighbourhoods.joined(way.blocks(some, LISTED, left_out))
        for way in (lookup._replace(search=exactly(references)), lookup)
    )
    is_there = exact.references != NOTHING
    is_found = (exact.references[:, :, None] == found.references[:, None, :]).any(2)
    # By similarity: of equal ones either will do.
    nearest = found.similarities[:, 0] >= exact.similarities[:, 0]
    return Recall(len(rows), float(nearest.mean()), float(is_found[is_there].mean()))
