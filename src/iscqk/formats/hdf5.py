"""What every HDF5 file here has in common: ids beside vectors, row for row.

Both the official submission and our descriptor shards are pairs of datasets, (n,) ids and (n, d)
float32 vectors. This module opens them with errors meant for people, reads them a slice at a time
and writes them a block at a time.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray, StrArray, first_where
from iscqk.formats.disk_errors import all_files_are_open
from iscqk.formats.files import atomic_file
from iscqk.formats.hdf5_checks import (
    as_user_errors,
    check_dataset,
    check_ids,
    check_variable,
    is_single,
)
from iscqk.formats.path_checks import refuse_missing

Attributes = Mapping[str, str | int | float]

# One megabyte at 256 dimensions: large enough to stream, small enough to look up a single row.
_ROWS_PER_CHUNK = 1024
_LONGEST_ID = 255

# HDF5 holds the last write of a dataset back until that is closed, where a disk that takes no more
# leaves both the dataset and the process beyond repair. The bytes are the same.
_UNHELD = "iscqk_unheld"
h5py.register_driver(_UNHELD, lambda access: access.set_sieve_buf_size(0))


def first_not_finite(rows: FloatArray) -> int | None:
    """Return which of rows (n, d) is the first with NaN or infinity, None where none is."""
    return first_where(~np.isfinite(rows).all(axis=1))


def is_float32(dtype: np.dtype[Any]) -> bool:
    """Return whether a type is float32 in either order of its bytes; HDF5 reads both."""
    return dtype.newbyteorder("=") == np.float32


class Rows:
    """The (n, d) vectors of a file, read a slice at a time."""

    def __init__(self, dataset: Any, path: Path, part: slice = slice(None)) -> None:
        self._dataset = dataset
        self._path = path
        self._name = str(dataset.name).strip("/")
        self._first, last, _ = part.indices(len(dataset))
        self.shape: tuple[int, int] = (last - self._first, dataset.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> FloatArray:
        start, stop, _ = rows.indices(len(self))
        start, stop = self._first + start, self._first + stop
        with as_user_errors(f"{self._path}: dataset '{self._name}', rows {start}-{stop}"):
            return np.asarray(self._dataset[start:stop], dtype=np.float32)

    def part(self, first: int, last: int) -> "Rows":
        """Return the rows from `first` up to `last`, read when they are sliced."""
        return Rows(self._dataset, self._path, slice(self._first + first, self._first + last))


def is_hdf5(path: str | Path) -> bool:
    """Return whether a file is HDF5 by its first bytes; not where these cannot be read."""
    with suppress(OSError):
        return bool(h5py.is_hdf5(path))
    return False


@contextmanager
def open_hdf5(path: str | Path, held: BinaryIO | None = None) -> Iterator[h5py.File]:
    """Open an HDF5 file to read; UserError when there is none, or it cannot be read as one.

    `held`: the file as it is open already; there may be none of that path any more, or another.
    """
    if held is None:
        refuse_missing(path)
    try:
        file = _opened(path) if held is None else _Held(path, held)
    except Exception as error:  # mostly OSError
        if all_files_are_open(error):
            raise
        what = f"not an HDF5 file, cut short or in use ({' '.join(str(error).split())})"
        raise UserError(f"{path}: {what}; copy or make it again") from error
    with file:
        yield file


class _Held(h5py.File):
    """A file that is open already, under the name that it was opened by."""

    def __init__(self, path: str | Path, held: BinaryIO) -> None:
        super().__init__(held, "r")
        self._path = str(path)

    @property
    def filename(self) -> str:
        return self._path


def _opened(path: str | Path) -> h5py.File:
    """Open a file to read, without a lock where its disk has none."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        is_written = f"errno = {errno.EAGAIN}," in str(error)
        if "unable to lock" not in str(error) or is_written:
            raise
        return h5py.File(path, "r", locking=False)


def dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """Return a dataset by name, all of whose data is in this file; UserError when it has none."""
    where = f"{file.filename}: dataset '{name}'"
    with as_user_errors(where):
        link = file.get(name, getlink=True)
        if isinstance(link, h5py.SoftLink | h5py.ExternalLink):
            raise UserError(f"{where} is a link; copy what it points to into the file")
        found = None if link is None else file.get(name)
        if isinstance(found, h5py.Dataset):
            check_dataset(found, where)
            return found
        if found is not None:
            raise UserError(
                f"{where} is a group or a type, as pandas' to_hdf makes; write the array itself, "
                f"file['{name}'] = array of h5py"
            )
        there = sorted(file)
        if name in there:
            raise ValueError("its entry or its header cannot be read")
    what = f"no dataset '{name}' (there is: {', '.join(there) or 'nothing'})"
    raise UserError(f"{file.filename}: {what}; add it")


def read_vectors(file: h5py.File, name: str) -> Rows:
    """Return a dataset's lazy (n, d) float32 rows; UserError for any other shape or type."""
    found = dataset(file, name)
    where = f"{file.filename}: dataset '{name}'"
    with as_user_errors(where):
        if found.ndim != 2:
            raise UserError(f"{where} has shape {found.shape}; write it as (images, dimensions)")
        if not is_float32(found.dtype):
            raise UserError(f"{where} is {found.dtype}; write it as float32")
        return Rows(found, Path(file.filename))


def read_ids(file: h5py.File, name: str) -> StrArray:
    """Return the ids of a dataset as (n,) str; fixed-size bytes and variable-length str will do.

    Raises:
        UserError: there is no such dataset, it holds something else, or it cannot be read.
    """
    found = dataset(file, name)
    where = f"{file.filename}: dataset '{name}'"
    with as_user_errors(where):
        if found.ndim != 1:
            raise UserError(f"{where} has shape {found.shape}; write it as (images,)")
        kind = h5py.check_string_dtype(found.dtype)
        if kind is None:
            raise UserError(f"{where} is {found.dtype}; write the ids as ascii bytes")
        check_ids(found, where)
        try:
            return _decoded(found[:]) if kind.length else _variable(found, where)
        except UnicodeDecodeError as error:
            raise UserError(f"{where} holds an id that is not text; write ascii bytes") from error


def _variable(found: h5py.Dataset, where: str) -> StrArray:
    """Return ids of variable length."""
    check_variable(found, where, _LONGEST_ID)
    return _decoded(found[:].astype(np.bytes_))


def _decoded(raw: NDArray[np.bytes_]) -> StrArray:
    """Return (n,) bytes as (n,) str."""
    return np.char.decode(raw, "utf-8")


class Appender:
    """A pair of datasets that is filled by blocks of ids and vectors."""

    def __init__(
        self, file: h5py.File, names: tuple[str, str], dimension: int, width: int, count: int
    ) -> None:
        """Create datasets `names` (ids, vectors) of `count` rows in all."""
        self.written = 0
        self._count = count
        self._width = width
        self._ids = _create(file, names[0], (count,), f"S{width}")
        self._vectors = _create(file, names[1], (count, dimension), "f4")

    def append(self, ids: ArrayLike, vectors: ArrayLike) -> None:
        """Write the next (n,) ids and (n, d) vectors; UserError when they do not fit."""
        names = self.encoded(ids)
        with np.errstate(over="ignore"):  # what float32 does not hold is refused below
            block = np.asarray(vectors, dtype=np.float32)
        end = self.written + len(names)
        if block.shape != (len(names), self._vectors.shape[1]):
            expected = (len(names), self._vectors.shape[1])
            raise UserError(f"vectors have shape {block.shape} where {expected} was expected")
        if (wrong := first_not_finite(block)) is not None:
            name = names[wrong].decode()
            raise UserError(f"id '{name}' has a vector that is not finite; describe it again")
        if end > self._count:
            raise UserError(f"more than the {self._count} ids announced, from {_first(names)} on")
        self._ids[self.written : end] = names
        self._vectors[self.written : end] = block
        self.written = end

    def encoded(self, ids: ArrayLike) -> NDArray[np.bytes_]:
        """Return ids as bytes; UserError for one that is not ascii or would be cut."""
        try:
            names = np.asarray(ids, dtype=np.str_).astype(np.bytes_)
        except UnicodeEncodeError as error:
            raise UserError(f"id '{error.object}' is not ascii; rename it") from error
        too_long = np.char.str_len(names) > self._width
        if (row := first_where(too_long)) is not None:
            name = names[row].decode()
            raise UserError(f"id {name} has over {self._width} characters; shorten it")
        return names


@contextmanager
def write_hdf5(path: str | Path, attributes: Attributes | None = None) -> Iterator[h5py.File]:
    """Yield an HDF5 file that takes the name `path` once it is complete."""
    with atomic_file(path) as temporary:
        # Its own lock would be in the way of the one that `atomic_file` has.
        file = h5py.File(temporary, "w", driver=_UNHELD, locking=False)
        try:
            for name, value in sorted((attributes or {}).items()):
                file.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
            yield file
        finally:
            _close(file)


def _close(file: h5py.File) -> None:
    """Bring a file to its disk and close it; leave it open for good where the disk takes no more.

    HDF5 cannot close such a file, and ends the process when it tries.
    """
    try:
        file.flush()
    except BaseException:
        file.id.locked = True  # nor when Python ends
        os.truncate(file.id.get_vfd_handle(), 0)  # the disk has its space back
        raise
    file.close()


def read_attributes(file: h5py.File) -> dict[str, str | int | float]:
    """Return a file's attributes of one number or fixed-size text, as plain Python values.

    What other programs have put beside ours may be anything: bytes that are not UTF-8 get escapes.
    """
    values: dict[str, str | int | float] = {}
    with as_user_errors(f"{file.filename}: attributes"):
        for name in file.attrs:
            if is_single(file.attrs.get_id(name)):
                value = file.attrs[name].item()
                is_text = isinstance(value, bytes)
                values[name] = value.decode("utf-8", "backslashreplace") if is_text else value
    return values


def _create(file: h5py.File, name: str, shape: tuple[int, ...], dtype: str) -> h5py.Dataset:
    """Create a contiguous dataset, or a chunked one where it has no rows."""
    if shape[0]:
        return file.create_dataset(name, shape, dtype)
    chunks = (_ROWS_PER_CHUNK, *(max(size, 1) for size in shape[1:]))
    return file.create_dataset(name, shape, dtype, chunks=chunks, maxshape=(None, *shape[1:]))


def _first(names: NDArray[np.bytes_]) -> str:
    return str(names[0].decode()) if len(names) else "none"
