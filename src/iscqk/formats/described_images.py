"""Descriptors of image files: a shard of descriptors that also knows the files.

    ids      (n,) bytes         vectors   (n, d) float32   as in `descriptor_shards`
    paths    (n,) bytes, absolute           sha256  (n,) bytes, of the content
    flat     (n,) bool, of one colour
    sizes    (n,) int64, bytes  modified, changed  (n,) int64, ns        inodes  (n,) uint64

Ids are the rows' numbers in the official form of queries or references, so that `iscqk merge` takes
the file, or the shards of a list that was written at once; there are more digits where there are
more images. Nothing else reads them. Size, times and inode tell at a glance that a file is as it
was; where they differ, its content decides. All but the ids is sealed (`iscqk.formats.kept_files`).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, FloatArray, IntArray, first_where, lengths_of
from iscqk.formats.hdf5 import (
    Appender,
    dataset,
    is_hdf5,
    read_attributes,
    read_vectors,
    write_hdf5,
)
from iscqk.formats.hdf5_checks import as_user_errors, check_variable
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.image_shards import digest_of, status_of
from iscqk.formats.kept_files import REMEDY, open_kept, refuse_broken_seal, seal
from iscqk.formats.named_files import anchored, is_named_hdf5
from iscqk.formats.stored_rows import StoredRows

_FORMS = {"queries": QUERY, "references": REFERENCE}
_NUMBERS = {"sizes": np.int64, "modified": np.int64, "changed": np.int64, "inodes": np.uint64}
# NumPy's kinds of all that lies beside ids and vectors; paths are objects, of any length.
_KINDS = {
    **{"paths": "O", "sha256": "S", "flat": "b"},
    **{name: np.dtype(kind).kind for name, kind in _NUMBERS.items()},
}
_SEALED = ("vectors", *_KINDS)
_LONGEST_PATH = 4096
_DIGEST = 64  # characters of a SHA-256
# Squared lengths of rows, which are of length 1 in each of as many orientations.
_SQUARES, _PRECISION, _BLOCK = (1, 8), 1e-3, 4096


class File(NamedTuple):
    """A file as it was at a time: path, size in bytes, times of change in ns, inode.

    `modified` is of the content and can be set at will; `changed` is of the inode, and a new name
    changes it, too.
    """

    path: str
    size: int
    modified: int
    changed: int
    inode: int

    @classmethod
    def now(cls, path: str | Path) -> "File":
        """Return a file, or a member of a shard, as it is; OSError where there is none."""
        status = status_of(path)
        return cls(str(path), status.size, status.modified, status.changed, status.inode)

    def anchored(self) -> "File":
        """Return the file by its absolute path, which means the same everywhere."""
        return self._replace(path=anchored(self.path))

    def is_unchanged(self, sha256: str) -> bool:
        """Return whether the file is there, as it was or at least with that content."""
        try:
            now = File.now(self.path)
            return now == self or (now.size == self.size and digest_of(self.path) == sha256)
        except OSError:
            return False


class Row(NamedTuple):
    """What is known of an image: its content's SHA-256, whether it is flat, its descriptor."""

    sha256: str
    flat: bool
    vector: FloatArray


class DescribedImages(NamedTuple):
    """Image files with their descriptors.

    Attributes:
        files: n of them.
        sha256: of their contents, "" where a file changed while it was read.
        flat: (n,) whether an image is of one colour, of which no descriptor says anything.
        vectors: (n, d) float32, in memory or on the disk.
        side: `queries` or `references`, which encoder it was.
        encoder: its digest.
        maker: the model that it is of, in words; "" of files of earlier versions.
    """

    files: list[File]
    sha256: list[str]
    flat: BoolArray
    vectors: FloatArray | StoredRows
    side: str
    encoder: str
    maker: str = ""

    @classmethod
    def of(
        cls, rows: dict[File, Row], side: str, encoder: str, maker: str = ""
    ) -> "DescribedImages":
        """Return files with what is known of them; there is one at least."""
        sha256, flat, vectors = zip(*rows.values(), strict=True)
        facts = np.array(flat, np.bool_), np.stack(vectors), side, encoder, maker
        return cls(list(rows), list(sha256), *facts)

    @classmethod
    def joined(cls, parts: "Sequence[DescribedImages]") -> "DescribedImages":
        """Return the images of several parts of one encoder, one at least, as one in memory."""
        return cls(
            [file for part in parts for file in part.files],
            [digest for part in parts for digest in part.sha256],
            np.concatenate([part.flat for part in parts]),
            np.concatenate([part.vectors[:] for part in parts]),
            *parts[0][-3:],
        )

    def only(self, rows: IntArray) -> "DescribedImages":
        """Return some of the images, in memory."""
        files, sha256 = ([column[row] for row in rows.tolist()] for column in self[:2])
        return self._replace(
            files=files, sha256=sha256, flat=self.flat[rows], vectors=self.vectors[rows]
        )

    def at(self, rows: IntArray) -> list[Row]:
        """Return what is known of some files."""
        columns = zip(rows.tolist(), self.vectors[rows], strict=True)
        return [Row(self.sha256[row], bool(self.flat[row]), vector) for row, vector in columns]


def write_described(
    path: str | Path, described: DescribedImages, first: int = 0, total: int | None = None
) -> None:
    """Write the file.

    Args:
        path: where to.
        described: n images.
        first: number of the first of them, where the file is one of several.
        total: images in all of these.
    """
    form, count = _FORMS[described.side], len(described.files)
    digits = max(form.digits, len(str((total or count) - 1)))
    form = form._replace(digits=digits)
    attributes = made_of(described.side, described.encoder, described.maker)
    files = [file.anchored() for file in described.files]
    columns = list(zip(*files, strict=True)) or [()] * len(File._fields)
    with write_hdf5(path, attributes) as file:
        rows = Appender(file, ("ids", "vectors"), described.vectors.shape[1], form.width, count)
        rows.append([form.make(first + number) for number in range(count)], described.vectors[:])
        # As the file system has them: not every name is UTF-8.
        names = np.array([os.fsencode(name) for name in columns[0]], dtype=object)
        file.create_dataset("paths", data=names, shape=(count,), dtype=h5py.string_dtype())
        file.create_dataset("sha256", data=np.array(described.sha256, dtype=f"S{_DIGEST}"))
        file.create_dataset("flat", data=described.flat)
        for (name, kind), column in zip(_NUMBERS.items(), columns[1:], strict=True):
            file.create_dataset(name, data=np.array(column, dtype=kind))
        seal(file, _SEALED)


def made_of(side: str, encoder: str, maker: str) -> dict[str, str]:
    """Return the attributes of a file, or of a list, that say what made it."""
    return {"side": side, "encoder_sha256": encoder, **({"made_by": maker} if maker else {})}


def maker_of(file: h5py.File) -> str:
    """Return the model that an open file, or a list, says it is of; "" where it does not."""
    maker = read_attributes(file).get("made_by")
    return maker if isinstance(maker, str) else ""


def side_and_encoder(file: h5py.File) -> tuple[str, str]:
    """Return the side and the encoder's digest that an open file, or a list, says it is of.

    Raises:
        UserError: it says neither.
        ValueError: it says what is no side or digest.
    """
    attributes = read_attributes(file)
    if not {"side", "encoder_sha256"} <= attributes.keys():
        what = "not written by `iscqk describe`, or damaged"
        raise UserError(f"{file.filename}: {what}; name another, or {REMEDY}")
    side, encoder = attributes["side"], attributes["encoder_sha256"]
    if side not in _FORMS or not isinstance(encoder, str):
        raise ValueError(f"side {side}, encoder {encoder}")
    return str(side), encoder


def read_described(path: str | Path, stored: bool = False) -> DescribedImages:
    """Read the file; UserError where it is no such file. `stored`: leave its vectors there."""
    with open_kept(path) as file:
        side, encoder = side_and_encoder(file)
        maker = maker_of(file)
        if "inodes" not in file:
            raise UserError(f"{path}: written by an earlier version; {REMEDY}")
        columns = {name: _column(file, name) for name in _KINDS}
        check_variable(columns["paths"], f"{path}: dataset 'paths'", _LONGEST_PATH)
        names = _decoded(columns["paths"])
        numbers = [columns[name][:].tolist() for name in _NUMBERS]
        files = [File(*row) for row in zip(names, *numbers, strict=True)]
        sha256 = _contents(columns["sha256"])
        flat = columns["flat"][:]
        vectors = StoredRows(path) if stored else read_vectors(file, "vectors")[:]
        if not len(files) == len(sha256) == len(flat) == len(vectors):
            raise ValueError("columns of unequal length")
        if not refuse_broken_seal(file, _SEALED):  # as of earlier versions
            _refuse_odd_lengths(vectors, flat)
    return DescribedImages(files, sha256, flat, vectors, side, encoder, maker)


def _refuse_odd_lengths(vectors: FloatArray | StoredRows, flat: BoolArray) -> None:
    """Raise ValueError where a row is none that an encoder gives; of flat images any will do."""
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        squares = lengths_of(vectors[rows])[:, None] ** 2
        is_right = np.isclose(squares, _SQUARES, rtol=_PRECISION).any(axis=1)
        if (odd := first_where(~(is_right | flat[rows]))) is not None:
            raise ValueError(f"row {start + odd} of its vectors has a length that none has")


def _column(file: h5py.File, name: str) -> h5py.Dataset:
    """Return a column (n,) of a file; ValueError where it is of another shape or kind."""
    found = dataset(file, name)
    is_text = h5py.check_string_dtype(found.dtype) is not None
    if found.ndim != 1 or found.dtype.kind != _KINDS[name] or is_text != (_KINDS[name] in "OS"):
        raise ValueError(f"dataset '{name}' holds {found.dtype} in a shape of {found.shape}")
    return found


def read_paths(rows: StoredRows) -> list[str]:
    """Return the paths of the images whose vectors these rows are, whatever the file is by now."""
    with rows.opened() as file, as_user_errors("descriptions that were read before"):
        return _decoded(dataset(file, "paths"))  # which was checked when it was first read


def read_contents(rows: StoredRows) -> list[str]:
    """Return the SHA-256 of these images' contents, as `read_paths` returns their paths."""
    with rows.opened() as file, as_user_errors("descriptions that were read before"):
        return _contents(dataset(file, "sha256"))


def _contents(digests: h5py.Dataset) -> list[str]:
    return [digest.decode("ascii") for digest in digests[:].tolist()]


def _decoded(paths: h5py.Dataset) -> list[str]:
    return [os.fsdecode(name) for name in paths[:].tolist()]


def holds_described(path: str | Path) -> bool:
    """Return whether a file is one of descriptors: by its content, or as its name claims it."""
    return Path(path).is_file() and (is_hdf5(path) or is_named_hdf5(path))
