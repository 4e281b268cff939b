"""Copy shards: tar files of JPEG and JSON in the WebDataset layout.

A copy is two members, `{id}_{view}.jpg` and `{id}_{view}.json`; the JSON holds the record of its
edits. A shard is stored uncompressed, so that its members can be read in place, in any order. Its
first member is its origin (`formats.origins`), under a name that WebDataset's readers skip.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.files import replacing
from iscqk.formats.origins import Origin

_ORIGIN = "__origin__/copies.json"
_LONGEST_ORIGIN = 65_536  # bytes


def write_copies(
    path: str | Path, copies: Iterable[tuple[str, int, bytes, list[Any]]], origin: Origin
) -> None:
    """Write a shard from (image id, view, JPEG, edits); the same input gives the same bytes."""
    with (
        replacing(path) as temporary,
        tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in _members(copies, origin):
            member = tarfile.TarInfo(name)  # mtime 0, no owner
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _members(
    copies: Iterable[tuple[str, int, bytes, list[Any]]], origin: Origin
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of what a shard holds, in order."""
    yield _ORIGIN, json.dumps(dict(origin), sort_keys=True).encode()
    for image_id, view, jpeg, edits in copies:
        record = json.dumps({"id": image_id, "view": view, "edits": edits}, sort_keys=True)
        yield f"{image_id}_{view}.jpg", jpeg
        yield f"{image_id}_{view}.json", record.encode()


class CopyShards:
    """Random access to the copies of one round, over all its shards.

    Attributes:
        ids: image ids in the order of the shards, one for each image.
        views: copies of each image.
        origins: path and origin of each shard, for `check_parts`.
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        """Index the shards' members; their bytes are read on demand.

        Raises:
            UserError: a shard is missing or no tar file, or images have unequal numbers of copies.
        """
        self._paths = [str(path) for path in paths]
        self._places: dict[tuple[str, int], tuple[int, int, int]] = {}
        self.origins: list[tuple[str, Origin]] = [(path, {}) for path in self._paths]
        for number, path in enumerate(self._paths):
            self._index(number, path)
        self.ids = list(dict.fromkeys(image_id for image_id, _ in self._places))
        self.views = 1 + max((view for _, view in self._places), default=-1)
        if len(self._places) != len(self.ids) * self.views:
            raise UserError(
                f"{self._paths[0]}: images differ in their number of copies; make the round's again"
            )
        self._files: dict[int, int] = {}

    def _index(self, number: int, path: str) -> None:
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    if member.name == _ORIGIN:
                        self.origins[number] = (path, _read_origin(tar, member))
                    stem, suffix = os.path.splitext(member.name)
                    if suffix == ".jpg" and member.isfile():
                        image_id, view = stem.rsplit("_", 1)
                        self._places[image_id, int(view)] = (
                            number,
                            member.offset_data,
                            member.size,
                        )
        except (OSError, tarfile.TarError, ValueError) as error:
            raise UserError(f"{path}: no shard of copies ({error}); make it again") from None

    def __len__(self) -> int:
        """Return the number of copies."""
        return len(self._places)

    def jpeg(self, image_id: str, view: int) -> bytes:
        """Return the JPEG bytes of one copy."""
        number, offset, size = self._places[image_id, view]
        if number not in self._files:  # opened once in each process, read by position: fork-safe
            self._files[number] = os.open(self._paths[number], os.O_RDONLY)
        return os.pread(self._files[number], size, offset)


def _read_origin(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Origin:
    """Return what a shard says of itself; ValueError where that is none."""
    file = tar.extractfile(member) if member.isreg() else None
    found = json.loads(file.read(_LONGEST_ORIGIN)) if file else None
    if not isinstance(found, dict):
        raise ValueError(f"{member.name} is no origin")
    return found
