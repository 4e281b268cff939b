"""Copy shards: tar files of JPEG and JSON in the WebDataset layout.

A copy is two members, `{id}_{view}.jpg` and `{id}_{view}.json`; the JSON holds the record of its
edits. A shard is stored uncompressed, so that its members can be read in place, in any order. Its
first member is its provenance (`formats.provenance`), under a name that WebDataset's readers skip.
"""

import json
import os
import re
import tarfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import IntArray
from iscqk.formats.disk_errors import all_files_are_open
from iscqk.formats.provenance import Provenance, by_place
from iscqk.formats.tar_files import read_members, writing_tar

_ORIGIN = "__origin__/copies.json"
_LONGEST_ORIGIN = 65_536  # bytes

_NAME = re.compile(r"(?P<id>[A-Z][0-9]{1,9})_(?P<view>0|[1-9][0-9]{0,8})\.(?P<suffix>jpg|json)")


def write_copies(
    path: str | Path, copies: Iterable[tuple[str, int, bytes, list[Any]]], provenance: Provenance
) -> None:
    """Write a shard from (image id, view, JPEG, edits); the same input gives the same bytes."""
    with writing_tar(path) as put:
        for name, content in _members(copies, provenance):
            put(name, content)


def _members(
    copies: Iterable[tuple[str, int, bytes, list[Any]]], provenance: Provenance
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of what a shard holds, in order."""
    yield _ORIGIN, json.dumps(dict(provenance), sort_keys=True).encode()
    for image_id, view, jpeg, edits in copies:
        record = json.dumps({"id": image_id, "view": view, "edits": edits}, sort_keys=True)
        yield f"{image_id}_{view}.jpg", jpeg
        yield f"{image_id}_{view}.json", record.encode()


class CopyShards:
    """Random access to the copies of one round, over all its shards.

    Shards are never unpacked: a member is bytes at a place in the file, and its name is an image
    and a view, or the shard is refused. Where they are is one array, which forked processes share:
    a dict would be copied into each of them, as Python counts who holds what.

    Attributes:
        ids: image ids in the order of the shards' places, one for each image.
        views: copies of each image.
        provenances: path and provenance of each shard, by place, for `check_parts`.
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        """Index the shards' members; their bytes are read on demand.

        Raises:
            UserError: a shard is missing, holds anything but copies or is cut short, a copy is
                there twice, or images have unequal numbers of copies.
        """
        # A shard's own place decides, however it was named.
        self.provenances = by_place([(str(path), provenance_of(path)) for path in paths])
        self._paths = [str(path) for path, _ in self.provenances]
        numbers: dict[str, int] = {}  # of images, by id
        found = array("q")  # of each copy: image, view, shard, first byte, bytes
        for shard, path in enumerate(self._paths):
            for (image_id, view), offset, size in _copies_in(path):
                image = numbers.setdefault(image_id, len(numbers))
                found.extend((image, view, shard, offset, size))
        self.ids = list(numbers)
        copies = np.array(found, np.int64).reshape(-1, 5)
        self.views = 1 + int(copies[:, 1].max(initial=-1))
        self._places = self._in_order(copies)  # row image * views + view: shard, first byte, bytes
        self._files: dict[int, int] = {}

    def _in_order(self, copies: IntArray) -> IntArray:
        """Return (n, 3) where copies are; UserError where one is there twice, or missing."""
        keys = copies[:, 0] * self.views + copies[:, 1]
        order = np.argsort(keys, kind="stable")
        again = order[1:][np.diff(keys[order]) == 0]
        if len(again):
            image, view, shard = copies[again.min(), :3].tolist()
            raise _no_shard(self._paths[shard], f"{self.ids[image]}_{view}.jpg is there twice")
        if len(copies) != len(self.ids) * self.views:
            raise UserError(
                f"{self._paths[0]}: images differ in their number of copies; make the round's again"
            )
        return copies[order, 2:]

    def __len__(self) -> int:
        """Return the number of copies."""
        return len(self._places)

    def jpeg(self, image: int, view: int) -> bytes:
        """Return the JPEG bytes of one copy; `image` is a number in `ids`."""
        shard, offset, size = self._places[image * self.views + view].tolist()
        if shard not in self._files:  # opened once in each process, read by position: fork-safe
            self._files[shard] = os.open(self._paths[shard], os.O_RDONLY)
        return os.pread(self._files[shard], size, offset)

    def close(self) -> None:
        """Close the files that `jpeg` has opened; it opens them again where needed."""
        while self._files:
            os.close(self._files.popitem()[1])


def _no_shard(path: str | Path, reason: str) -> UserError:
    return UserError(f"{path}: no shard of copies ({reason}); make it again")


def _read_provenance(file: BinaryIO, offset: int, size: int) -> Provenance:
    """Return what a shard says of itself; ValueError where that is none."""
    if size > _LONGEST_ORIGIN:
        raise ValueError(f"{_ORIGIN} is too long")
    try:
        found = json.loads(os.pread(file.fileno(), size, offset))
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{_ORIGIN} is no origin")
    return found


def _copies_in(path: str) -> Iterator[tuple[tuple[str, int], int, int]]:
    """Yield image id and view, first byte and bytes of each copy."""
    with _reading(path) as file:
        for name, offset, size in read_members(file):
            if name != _ORIGIN:
                copy, suffix = _copy_of(name)
                if suffix == "jpg":
                    yield copy, offset, size


def provenance_of(path: str | Path) -> Provenance:
    """Return what a shard says that it was made of, which is its first member; {} if nothing."""
    with _reading(path) as file:
        members = read_members(file)
        found = (place for name, *place in members if name == _ORIGIN)
        place = next(found, None)
        return _read_provenance(file, *place) if place else {}


@contextmanager
def _reading(path: str | Path) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb") as file:
            yield file
    except (OSError, tarfile.TarError, ValueError) as error:
        if all_files_are_open(error):
            raise
        raise _no_shard(path, str(error)) from None


def _copy_of(name: str) -> tuple[tuple[str, int], str]:
    """Return ((image id, view), suffix) of a member's name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not named as a copy")
    return (match["id"], int(match["view"])), match["suffix"]
