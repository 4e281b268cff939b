"""Descriptors of any number of image files under one name: in a file, or a list of shards.

Up to `ROWS` images are one file of `iscqk.formats.described_images`. Of more, `photos.h5` is a
list, and the shards, each such a file, lie in a folder `beside` it, `photos.shards`:

    shards  (s,) bytes, names in the folder, in order

A shard's name begins with its number when it was written and ends with a digest of what it
describes, so that none is ever written over: what the list names is whole, whatever ends the
writing of another. A list that is renewed keeps the shards of which nothing has changed, wherever
they stand in it now; so their ids are those of when they were written, and the list has the order:
`iscqk merge` takes the shards of a list that was written at once only.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import IntArray
from iscqk.formats.described_images import (
    DescribedImages,
    File,
    made_of,
    maker_of,
    side_and_encoder,
    write_described,
)
from iscqk.formats.hdf5 import read_ids, write_hdf5
from iscqk.formats.kept_files import REMEDY, open_kept, refuse_broken_seal, seal
from iscqk.formats.path_checks import linked
from iscqk.formats.printable_names import printable

ROWS = 65_536  # images in a file: 64 MiB at 256 dimensions
_LIST = "shards"
_NAME = re.compile(r"\d{5}-[0-9a-f]{16}\.h5")


def beside(path: str | Path, ending: str) -> Path:
    """Return where something of a file of descriptors lies: of `photos.h5` it is `photos.{ending}`.

    Of any other file, as `photos.2023`, it is `photos.2023-{ending}`: no two files share it.
    """
    path = linked(path)
    stem = f"{path.stem}." if path.suffix == ".h5" else f"{path.name}-"
    return path.with_name(f"{stem}{ending}")


def shard_folder(path: str | Path) -> Path:
    """Return where the shards of the list `path` lie."""
    return beside(path, "shards")


def listed_shards(path: str | Path) -> list[Path]:
    """Return the files that hold what `path` stands for: those that it lists, or itself.

    Raises:
        UserError: it is no HDF5 file, names something else than shards, or one of them is missing.
    """
    with open_kept(path) as file:
        if _LIST not in file:
            return [Path(path)]
        names = read_ids(file, _LIST).tolist()
        refuse_broken_seal(file, [_LIST])
    if not names or not all(map(_NAME.fullmatch, names)):
        raise UserError(f"{printable(path)}: no list of shards; {REMEDY}")
    shards = [shard_folder(path) / name for name in names]
    for shard in shards:
        if not shard.is_file():
            remedy = "copy its folder beside that file, or remove the file and describe again"
            before = linked(path).with_name(f"{linked(path).stem}.shards")  # where others lay once
            if (before / shard.name).is_file():
                remedy = f"rename {printable(before)} to {printable(shard.parent.name)}"
            raise UserError(
                f"{printable(shard)}: missing, and {printable(path)} lists it; {remedy}"
            )
    return shards


def shards_there(path: str | Path) -> list[Path]:
    """Return all shards beside `path`, those of a list that was never finished among them."""
    folder = shard_folder(path)
    return sorted(found for found in folder.glob("*.h5") if _NAME.fullmatch(found.name))


def encoder_of(path: str | Path) -> tuple[str, str]:
    """Return the side and the encoder's digest that a file, or a list, says it is of."""
    with open_kept(path) as file:
        return side_and_encoder(file)


def write_shard(
    path: str | Path, number: int, described: DescribedImages, first: int, total: int
) -> Path:
    """Write a shard of the list `path`, unless there is one of the same; return its path.

    Args:
        path: of the list.
        number: of the shard.
        described: n images.
        first: number of the first of them.
        total: images that are described in all, or more.
    """
    files = [(os.fsencode(path), *rest) for path, *rest in map(File.anchored, described.files)]
    what = repr((described.side, described.encoder, files, described.sha256))
    digest = hashlib.sha256(what.encode()).hexdigest()[:16]
    for shard in shards_there(path):
        if shard.stem.endswith(digest):
            return shard
    shard = shard_folder(path) / f"{number:05}-{digest}.h5"
    write_described(shard, described, first, total)
    return shard


def shard_ranges(owners: IntArray, rows: int) -> list[tuple[int, int]]:
    """Return from where to where each shard goes of images in order, `rows` at most.

    Each shard that is there keeps its images, and new ones join what lies before them, so that few
    shards change where few images do. Those of few images come together. A shard that gets too many
    is split evenly, which leaves room.

    Args:
        owners: (n,) number of the shard that has each image, -1 for a new one.
        rows: that a shard holds.
    """
    last_known = np.maximum.accumulate(np.where(owners < 0, 0, np.arange(len(owners))))
    owners = owners[last_known]  # -1 of those that come before all others only
    ends = [*(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(owners)]
    ranges: list[tuple[int, int]] = []
    start = 0
    for end in ends:
        if ranges and end - ranges[-1][0] <= rows // 2:
            ranges[-1] = ranges[-1][0], end
        else:
            size = end - start
            if owners[start] >= 0:
                size = -(-size // -(-size // rows))
            size = min(size, rows)
            ranges += [(first, min(first + size, end)) for first in range(start, end, size)]
        start = end
    return ranges


def told_maker(path: str | Path) -> str:
    """Return what is known of the model that a file, or a list, is of, to add to an error."""
    with open_kept(path) as file:
        maker = maker_of(file)
    return f" (made by {printable(maker)})" if maker else ""


def write_list(
    path: str | Path, shards: Sequence[Path], side: str, encoder: str, maker: str = ""
) -> None:
    """Write the list of shards that are there."""
    with write_hdf5(path, made_of(side, encoder, maker)) as file:
        file.create_dataset(_LIST, data=np.array([shard.name for shard in shards], np.bytes_))
        seal(file, [_LIST])


def remove_others(path: str | Path, kept: Sequence[Path]) -> None:
    """Remove the shards beside `path` that are none of these, and the folder if it is empty.

    What a killed process left half written goes with them.
    """
    folder = shard_folder(path)
    for shard in {*shards_there(path), *folder.glob(".*.part.h5")} - {*kept}:
        shard.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
