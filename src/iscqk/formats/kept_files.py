"""HDF5 files that are kept from one call to the next: whole as they were written, or told.

What a failing disk has changed in them would otherwise be taken for what was computed. All that is
in them can be computed again, so that whatever is wrong has one remedy.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from iscqk.errors import UserError
from iscqk.formats.disk_errors import all_files_are_open
from iscqk.formats.hdf5 import dataset, open_hdf5, read_attributes
from iscqk.formats.path_checks import refuse_missing
from iscqk.formats.printable_names import printable

REMEDY = "remove it and describe the images again"
_SUM = "content_sha256"
_ROWS = 4096  # that are read at once


@contextmanager
def open_kept(path: str | Path) -> Iterator[h5py.File]:
    """Open a file to read; UserError, with `REMEDY`, whatever is wrong with it.

    Of a file that is missing, or that may not be read, as `refuse_missing`.
    """
    refuse_missing(path)
    try:
        with open_hdf5(path) as file:
            yield file
    except UserError as error:
        what, _, remedy = str(error).rpartition("; ")
        if remedy.endswith(REMEDY):
            raise
        raise UserError(f"{what}; {REMEDY}") from error  # the other is one for any file
    except Exception as error:  # whatever h5py raises on a damaged file
        if all_files_are_open(error):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{printable(path)}: damaged ({reason}); {REMEDY}") from error


def seal(file: h5py.File, names: Iterable[str]) -> None:
    """Note in a file that is written what these datasets of it hold."""
    file.attrs[_SUM] = np.bytes_(_sum_of(file, names))


def refuse_broken_seal(file: h5py.File, names: Iterable[str]) -> bool:
    """Refuse a file whose datasets are not as they were sealed; return whether they were.

    Raises:
        ValueError: they hold something else.
    """
    noted = read_attributes(file).get(_SUM)
    if noted is not None and noted != _sum_of(file, names):
        raise ValueError("what it holds is not what was written")
    return noted is not None


def _sum_of(file: h5py.File, names: Iterable[str]) -> str:
    """Return the SHA-256 of the values of datasets, whatever else lies in the file."""
    digest = hashlib.sha256()
    for name in names:
        found = dataset(file, name)
        digest.update(f"{name} {found.shape}".encode())
        for start in range(0, len(found), _ROWS):
            rows = found[start : start + _ROWS]
            digest.update(b"\0".join(rows) if rows.dtype.hasobject else rows.tobytes())
    return digest.hexdigest()
