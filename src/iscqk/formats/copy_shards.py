"""Copy shards: tar files of JPEG and JSON in the WebDataset layout.

A copy is two members, `{id}_{view}.jpg` and `{id}_{view}.json`; the JSON holds the record of its
edits. A shard is stored uncompressed, so that its members can be read in place, in any order. Its
first member is its provenance (`formats.provenance`), under a name that WebDataset's readers skip.
"""

import json
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from iscqk.errors import UserError
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
    and a view, or the shard is refused.

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
        self._paths = [str(path) for path in paths]
        self._places: dict[tuple[str, int], tuple[int, int, int]] = {}
        self.provenances: list[tuple[str | Path, Provenance]] = [(path, {}) for path in self._paths]
        for number, path in enumerate(self._paths):
            self._index(number, path)
        self._order()
        self.ids = list(dict.fromkeys(image_id for image_id, _ in self._places))
        self.views = 1 + max((view for _, view in self._places), default=-1)
        if len(self._places) != len(self.ids) * self.views:
            raise UserError(
                f"{self._paths[0]}: images differ in their number of copies; make the round's again"
            )
        self._files: dict[int, int] = {}

    def _index(self, number: int, path: str) -> None:
        try:
            with open(path, "rb") as file:
                for name, offset, size in read_members(file):
                    if name == _ORIGIN:
                        self.provenances[number] = (path, _read_provenance(file, offset, size))
                        continue
                    copy, suffix = _copy_of(name)
                    if suffix == "json":
                        continue
                    if copy in self._places:
                        raise ValueError(f"{name} is there twice")
                    self._places[copy] = (number, offset, size)
        except (OSError, tarfile.TarError, ValueError) as error:
            raise UserError(f"{path}: no shard of copies ({error}); make it again") from None

    def _order(self) -> None:
        """Let the shards' own places decide, however they were named."""
        named, self.provenances = self.provenances, by_place(self.provenances)
        if self.provenances != named:
            rank = {path: number for number, (path, _) in enumerate(self.provenances)}
            ranks = [rank[path] for path in self._paths]
            items = sorted(self._places.items(), key=lambda item: ranks[item[1][0]])
            self._places = dict(items)

    def __len__(self) -> int:
        """Return the number of copies."""
        return len(self._places)

    def jpeg(self, image_id: str, view: int) -> bytes:
        """Return the JPEG bytes of one copy."""
        number, offset, size = self._places[image_id, view]
        if number not in self._files:  # opened once in each process, read by position: fork-safe
            self._files[number] = os.open(self._paths[number], os.O_RDONLY)
        return os.pread(self._files[number], size, offset)

    def close(self) -> None:
        """Close the files that `jpeg` has opened; it opens them again where needed."""
        while self._files:
            os.close(self._files.popitem()[1])


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


def _copy_of(name: str) -> tuple[tuple[str, int], str]:
    """Return ((image id, view), suffix) of a member's name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not named as a copy")
    return (match["id"], int(match["view"])), match["suffix"]
