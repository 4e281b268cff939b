"""Rows of numbers that stay on the disk, and several such things as one.

Both are `iscqk.retrieval.search.Vectors`: (n, d) float32, read a slice at a time; rows may also be
picked by their numbers, in any order and shape.
"""

import weakref
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray, IntArray
from iscqk.formats.hdf5 import open_hdf5, read_vectors
from iscqk.formats.kept_files import REMEDY, open_kept

Picked = slice | IntArray


class StoredRows:
    """The `vectors` (n, d) of a file, of which nothing stays in memory.

    The file is held open, so that it can be read to the end when another takes its name, and closed
    with the last that refers to these rows.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        with open_kept(path) as file:
            rows = read_vectors(file, "vectors")
            self.shape = rows.shape
            found = file["vectors"]
            self._dtype, self._offset = found.dtype, found.id.get_offset()
        # Two, as each has a place where it is read, and several threads may read.
        self._file, self._other = self._held_open(), self._held_open()
        whole = (self._offset or 0) + self._dtype.itemsize * self.shape[0] * self.shape[1]
        if self._path.stat().st_size < whole:  # mapped, what is missing would end the process
            raise UserError(f"{path}: cut short; {REMEDY}")

    def __len__(self) -> int:
        return self.shape[0]

    def _held_open(self) -> BinaryIO:
        file = self._path.open("rb")
        weakref.finalize(self, file.close)
        return file

    def opened(self) -> AbstractContextManager[h5py.File]:
        """Open all of the file, whatever has its name by now."""
        return open_hdf5(self._path, self._other)

    def __getitem__(self, rows: Picked) -> FloatArray:
        if self._offset is None:  # of no rows, or in chunks, as other programs may write them
            with self.opened() as file:
                return read_vectors(file, "vectors")[:][rows]
        # Mapped for the moment only: what is read then counts as this process's memory no longer.
        mapped = np.memmap(self._file, self._dtype, "r", self._offset, self.shape)
        return np.array(mapped[rows], np.float32)


class JoinedRows:
    """Rows (n, d) of several parts, one part after the other; all of them, or some."""

    def __init__(
        self, parts: Sequence[FloatArray | StoredRows], kept: IntArray | None = None
    ) -> None:
        """Join parts, one at least; `kept`: which of their rows there are, ascending."""
        self._parts, self._kept = parts, kept
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        count = int(self._starts[-1]) if kept is None else len(kept)
        self.shape = (count, parts[0].shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Picked) -> FloatArray:
        if not isinstance(rows, slice):
            return self._picked(np.asarray(rows))
        start, stop, _ = rows.indices(len(self))
        if self._kept is not None:
            return self._picked(np.arange(start, stop))
        pieces = [
            part[max(start - first, 0) : max(stop - first, 0)]
            for part, first in zip(self._parts, self._starts.tolist(), strict=False)
            if first < stop and first + len(part) > start
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate([self._none(), *pieces])

    def _none(self) -> FloatArray:
        return np.empty((0, self.shape[1]), np.float32)

    def _picked(self, rows: IntArray) -> FloatArray:
        """Return rows (...) as (..., d); -1 is the last. Each part is looked at once, in order."""
        wanted, places = np.unique(rows % max(len(self), 1), return_inverse=True)
        if self._kept is not None:
            wanted = self._kept[wanted]
        bounds = np.searchsorted(wanted, self._starts)
        found = [
            part[wanted[low:high] - first]
            for part, first, low, high in zip(
                self._parts, self._starts.tolist(), bounds[:-1], bounds[1:], strict=False
            )
            if low < high
        ]
        return np.concatenate([self._none(), *found])[places.reshape(rows.shape)]
