"""Descriptor shards: what one `embed` or `describe` job leaves, and what `merge` reads.

    ids      (n,) bytes         vectors  (n, d) float32

Attributes of the file carry its provenance, see `formats.provenance`. The layout is ours, not the
challenge's.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray, StrArray, first_where, lengths_of
from iscqk.formats.hdf5 import (
    Appender,
    Attributes,
    Rows,
    first_not_finite,
    open_hdf5,
    read_attributes,
    read_ids,
    read_vectors,
    write_hdf5,
)
from iscqk.formats.ids import REFERENCE, repeated
from iscqk.formats.manifest import refuse_untrainable
from iscqk.formats.provenance import Provenance, by_place, check_parts

BLOCK_ROWS = 8192  # read at a time, of 2,048 dimensions and fewer
_BLOCK_NUMBERS = 2**24  # at most; of features, and of a hostile file, rows may be long
_UNIT = 1e-3  # by which the length of unit rows may differ from 1, as of those in bfloat16


@dataclass(frozen=True)
class Descriptors:
    """An open shard: ids in memory, vectors read when they are sliced."""

    path: Path
    ids: StrArray
    vectors: Rows
    attributes: dict[str, Any]

    def block(self, first: int, last: int) -> FloatArray:
        """Return some rows; UserError where one is not finite."""
        rows = self.vectors[first:last]
        if (wrong := first_not_finite(rows)) is not None:
            name = self.ids[first + wrong]
            raise UserError(f"{self.path}: {name} holds NaN or infinity; describe it again")
        return rows

    def unit_block(self, first: int, last: int) -> FloatArray:
        """Return some rows; UserError where one is not finite, or of another length than 1."""
        rows = self.block(first, last)
        lengths = lengths_of(rows)
        if (wrong := first_where(np.abs(lengths - 1) > _UNIT)) is not None:
            what = f"{self.ids[first + wrong]} is of length {lengths[wrong]:.4g}, and 1 is needed"
            raise UserError(f"{self.path}: {what}; divide each row by its length")
        return rows


@contextmanager
def appending_descriptors(
    path: str | Path, dimension: int, attributes: Attributes | None, count: int
) -> Iterator[Appender]:
    """Yield an appender of (ids, vectors) blocks to a shard that appears once it is complete.

    Its `count` rows are announced, so that they lie in one piece, which streams fastest.

    Raises:
        UserError: more or fewer rows came.
    """
    with write_hdf5(path, attributes) as file:
        appender = Appender(file, ("ids", "vectors"), dimension, REFERENCE.width, count)
        yield appender
        if appender.written != count:
            raise UserError(f"{path}: {appender.written} ids came where {count} were announced")


@contextmanager
def open_descriptors(path: str | Path) -> Iterator[Descriptors]:
    """Open a shard; UserError when it is not one."""
    with open_hdf5(path) as file:
        ids, vectors = read_ids(file, "ids"), read_vectors(file, "vectors")
        if len(ids) != len(vectors):
            raise UserError(f"{path}: {len(ids)} ids for {len(vectors)} vectors; make it again")
        yield Descriptors(Path(path), ids, vectors, read_attributes(file))


@contextmanager
def open_shards(paths: Iterable[str | Path]) -> Iterator[list[Descriptors]]:
    """Open several shards at once, each one time; UserError when one is none."""
    with ExitStack() as stack:
        yield [stack.enter_context(open_descriptors(path)) for path in paths]


def spans(
    shards: Iterable[Descriptors], first: int, last: int
) -> Iterator[tuple[int, Descriptors, int, int]]:
    """Yield where the rows from `first` up to `last` of several shards lie, blocks in their order.

    Of each the number of its first row, counted from `first`; the shard; there its first row and
    the one after its last, at most `BLOCK_ROWS` further on.
    """
    start = 0
    for shard in shards:
        end = start + len(shard.ids)
        stop = min(last, end)
        rows = min(BLOCK_ROWS, max(1, _BLOCK_NUMBERS // max(1, shard.vectors.shape[1])))
        for low in range(max(first, start), stop, rows):
            yield low - first, shard, low - start, min(low + rows, stop) - start
        start = end


def descriptor_blocks(
    paths: Iterable[str | Path], unit: bool = False
) -> Iterator[tuple[StrArray, FloatArray]]:
    """Yield (ids, vectors) of several shards in the order given, `BLOCK_ROWS` at most at a time.

    Raises:
        UserError: a row is not finite, or with `unit` of another length than 1.
    """
    for shard in _one_by_one(paths):
        for _, _, low, high in spans([shard], 0, len(shard.ids)):
            vectors = shard.unit_block(low, high) if unit else shard.block(low, high)
            yield shard.ids[low:high], vectors


def stacked(paths: Sequence[str | Path], unit: bool = False) -> FloatArray:
    """Return the vectors of several shards, (n, D), in memory.

    Raises:
        UserError: there are none, or as `descriptor_blocks`.
    """
    refuse_empty(paths)
    return np.concatenate([vectors for _, vectors in descriptor_blocks(paths, unit)])


def refuse_empty(paths: Sequence[str | Path]) -> None:
    """Raise UserError where several shards together describe no image."""
    if not count_descriptors(paths)[0]:
        raise UserError(f"{paths[0]}: describes no image, and some are needed; name another file")


def provenances(paths: Iterable[str | Path]) -> list[tuple[str | Path, Provenance]]:
    """Return each shard's path and provenance, for `check_parts`."""
    found: list[tuple[str | Path, Provenance]] = []
    for path in paths:
        with open_hdf5(path) as file:
            found.append((path, read_attributes(file)))
    return found


def checked_shards(
    paths: Iterable[str | Path], remedy: str, expected: Provenance | None = None
) -> list[str | Path]:
    """Return the shards of one making by their places among all, however they were named.

    Raises:
        UserError: as `provenance.check_parts`, whose other arguments these are.
    """
    parts = by_place(provenances(paths))
    check_parts(parts, remedy, expected)
    return [path for path, _ in parts]


def training_shards(
    paths: Iterable[str | Path], remedy: str, expected: Provenance | None = None
) -> list[str | Path]:
    """Return what `checked_shards` does, of descriptors that something is learned from.

    Raises:
        UserError: as there, or `refuse_untrainable_rows`.
    """
    shards = checked_shards(paths, remedy, expected)
    refuse_untrainable_shards(shards)
    return shards


def refuse_untrainable_shards(paths: Iterable[str | Path]) -> None:
    """Do what `refuse_untrainable_rows` does, of shards that are not open."""
    refuse_untrainable_rows(_one_by_one(paths))


def refuse_untrainable_rows(shards: Iterable[Descriptors]) -> None:
    """Refuse rows of a query or a reference, from which nothing may learn, and an image twice.

    Nor may a descriptor depend on the graded otherwise, by a bank or a projection, in which an
    image that is there twice would count twice.

    Raises:
        UserError: naming the first such row and its shard.
    """
    owners: list[Path] = []
    parts: list[StrArray] = [np.empty(0, dtype=np.str_)]
    for shard in shards:
        refuse_untrainable(shard.ids, shard.path)
        owners += [shard.path] * len(shard.ids)
        parts.append(shard.ids)
    ids = np.concatenate(parts)
    if (row := first_where(repeated(ids))) is not None:
        what = f"{ids[row]} is there for the second time"
        raise UserError(f"{owners[row]}: {what}; name each shard once")


def aligned_blocks(
    parts: Sequence[Sequence[str | Path]],
) -> Iterator[tuple[StrArray, list[FloatArray]]]:
    """Yield (ids, vectors of each part) of several descriptions of the same images.

    Rows that are read together, and shards, may be of other lengths in each part.

    Args:
        parts: for each description its shards.

    Raises:
        UserError: they are not of the same images in the same order.
    """
    refuse_unaligned(parts)
    streams = [descriptor_blocks(shards) for shards in parts]
    left = [next(stream, None) for stream in streams]
    while blocks := [block for block in left if block]:
        rows = min(len(ids) for ids, _ in blocks)
        yield blocks[0][0][:rows], [vectors[:rows] for _, vectors in blocks]
        left = [
            (ids[rows:], vectors[rows:]) if rows < len(ids) else next(stream, None)
            for stream, (ids, vectors) in zip(streams, blocks, strict=True)
        ]


def refuse_unaligned(parts: Sequence[Sequence[str | Path]]) -> None:
    """Raise UserError, by their ids alone, where parts are not of the same images in one order."""
    first, *others = (
        np.concatenate([shard.ids for shard in _one_by_one(shards)]) for shards in parts
    )
    if not all(np.array_equal(first, other) for other in others):
        names = " and ".join(str(shards[0]) for shards in parts)
        raise UserError(f"{names}: not of the same images; describe them again")


def count_descriptors(paths: Iterable[str | Path]) -> tuple[int, int]:
    """Return the rows in several shards together, and their dimension; UserError if it varies."""
    return total_shape(_one_by_one(paths))


def total_shape(shards: Iterable[Descriptors]) -> tuple[int, int]:
    """Return what `count_descriptors` does of shards that are open.

    Raises:
        UserError: they differ in dimension, or there is none.
    """
    rows, dimensions = 0, {}
    for shard in shards:
        rows += len(shard.ids)
        dimensions[shard.vectors.shape[1]] = shard.path
    if len(dimensions) != 1:
        found = ", ".join(f"{size} in {path}" for size, path in dimensions.items()) or "no shard"
        raise UserError(f"shards of one dimension are needed: {found}; describe them again")
    return rows, next(iter(dimensions))


def _one_by_one(paths: Iterable[str | Path]) -> Iterator[Descriptors]:
    for path in paths:
        with open_descriptors(path) as shard:
            yield shard
