"""Descriptors of image files: a shard of descriptors that also knows the files.

    ids      (n,) bytes         vectors  (n, d) float32      as in any shard, see `descriptors`
    paths    (n,) UTF-8         sizes    (n,) int64, bytes    modified  (n,) int64, nanoseconds

Ids are the rows' numbers in the official form of queries or references, so that `iscqk merge` takes
the file. Size and time tell which files have changed since.
"""

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from iscqk.errors import UserError
from iscqk.formats.hdf5 import (
    Appender,
    FloatArray,
    dataset,
    opening,
    read_attributes,
    read_vectors,
    writing,
)
from iscqk.formats.ids import QUERY, REFERENCE

_FORMS = {"queries": QUERY, "references": REFERENCE}


class File(NamedTuple):
    """A file as it was when it was described: path, size in bytes, time of change in ns."""

    path: str
    size: int
    modified: int

    @classmethod
    def now(cls, path: str | Path) -> "File":
        """Return a file as it is; OSError where there is none."""
        status = Path(path).stat()
        return cls(str(path), status.st_size, status.st_mtime_ns)


class Described(NamedTuple):
    """Image files with their descriptors.

    Attributes:
        files: n of them.
        vectors: (n, d) float32.
        side: `queries` or `references`, which encoder it was.
        encoder: its digest.
    """

    files: list[File]
    vectors: FloatArray
    side: str
    encoder: str


def write_described(path: str | Path, described: Described) -> None:
    """Write the file; UserError where there are more images than ids."""
    form, count = _FORMS[described.side], len(described.files)
    if count > 10**form.digits:
        raise UserError(f"{path}: {count} images, there are {10**form.digits} ids; split them")
    attributes = {"side": described.side, "encoder_sha256": described.encoder}
    columns = list(zip(*described.files, strict=True)) or [(), (), ()]
    with writing(path, attributes) as file:
        rows = Appender(file, ("ids", "vectors"), described.vectors.shape[1], form.width, count)
        rows.append([form.make(number) for number in range(count)], described.vectors)
        file.create_dataset("paths", data=columns[0], shape=(count,), dtype=h5py.string_dtype())
        file.create_dataset("sizes", data=_integers(columns[1]))
        file.create_dataset("modified", data=_integers(columns[2]))


def read_described(path: str | Path) -> Described:
    """Read the file; UserError where it is no such file."""
    with opening(path) as file:
        attributes = read_attributes(file)
        if not {"side", "encoder_sha256"} <= attributes.keys():
            raise UserError(f"{path}: not written by `iscqk describe`; describe the images with it")
        paths = dataset(file, "paths").asstr()[:].tolist()
        sizes, modified = (dataset(file, name)[:].tolist() for name in ("sizes", "modified"))
        files = [File(*row) for row in zip(paths, sizes, modified, strict=True)]
        vectors = read_vectors(file, "vectors")[:]
    return Described(files, vectors, str(attributes["side"]), str(attributes["encoder_sha256"]))


def _integers(values: tuple[int, ...]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
