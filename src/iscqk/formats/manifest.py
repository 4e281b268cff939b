"""Manifests: the CSV list of a split's images, a line each.

Columns: `id` (official form, sorted, unique), `path` (relative to the working directory or
absolute), `sha256` of the file, `width` and `height` in pixels. The path of an image in a shard
(`formats.image_shards`) is relative to the manifest's folder, so that both can be fetched from a
storage to wherever a job runs. An image that could not be read has no sha256 and a width and height
of 0, where the grader wants its id all the same.
"""

import hashlib
import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, first_where
from iscqk.formats.csv_tables import first_row, read_content, read_table, write_table
from iscqk.formats.ids import TRAINING
from iscqk.formats.image_shards import is_shard, place_of
from iscqk.formats.listed import Listed
from iscqk.formats.named_files import anchored
from iscqk.formats.printable_names import as_path, printable, utf8

logger = logging.getLogger(__name__)

COLUMNS = ["id", "path", "sha256", "width", "height"]
IN_ORDER = "name tar files in the order of the ids that their images are named by, or pack them so"


def write_manifest(path: str | Path, rows: pd.DataFrame) -> None:
    """Write `rows` (the five columns) sorted by id."""
    rows = rows.assign(path=rows["path"].map(partial(_seen_from, os.path.dirname(path) or ".")))
    write_table(path, rows[COLUMNS].sort_values("id"))


def read_manifest(path: str | Path) -> pd.DataFrame:
    """Return a manifest; ids and paths as str.

    Raises:
        UserError: not a manifest, or its ids are not sorted and unique.
    """
    return _parsed(path, read_content(path))


def read_shard(
    path: str | Path, shard: int, shards: int, within: Sequence[str | Path] = ()
) -> pd.DataFrame:
    """Return one shard's rows of a manifest, a fraction of the time that all of them take.

    Args:
        path: of the manifest.
        shard: number of the shard, from 0.
        shards: that there are.
        within: the tar files whose images alone are split; without any, all images are. There may
            be none in them: a list file or a quarantine leaves images out.

    Raises:
        UserError: as `read_manifest`, as far as these rows tell; no such shard; the images of these
            files do not stand together, or there are none and no such file.
    """
    return _Rows(path, within).shard(shard, shards)


def read_training_shard(
    path: str | Path, shard: int, shards: int, within: Sequence[str | Path] = ()
) -> tuple[pd.DataFrame, Sequence[Listed]]:
    """Return one shard's rows of images to train on, and the paths of all that are split.

    A path is parsed when it is asked for: of a million images a job pastes in some hundreds.

    Raises:
        UserError: as `read_shard`; anything but a training image is among these rows, or a path of
            such a one is asked for.
    """
    rows = _Rows(path, within)
    part = rows.shard(shard, shards)
    refuse_untrainable(part["id"], path)
    return part, _TrainingPaths(path, rows)


class _Rows:
    """Images of a manifest, or of tar files in it; only those that are asked for are parsed."""

    def __init__(self, path: str | Path, within: Sequence[str | Path]) -> None:
        self._path = path
        self._whole: pd.DataFrame | None = None
        content = read_content(path).rstrip(b"\n") + b"\n"
        # Where there is any of these, not every line is a row.
        if any(mark in content for mark in (b'"', b"\r", b"\n\n")):
            rows = _parsed(path, content)
            rows = rows[_lie_in(path, rows["path"], within)] if within else rows
            self._whole = rows.reset_index(drop=True)
            return
        self._head, lines = content[: (end := content.index(b"\n") + 1)], content[end:]
        self._lines = _lines_within(path, lines, within) if within else lines
        ends = np.flatnonzero(np.frombuffer(self._lines, dtype=np.uint8) == ord("\n"))
        self._starts = np.append(0, ends + 1)

    def __len__(self) -> int:
        return len(self._starts) - 1 if self._whole is None else len(self._whole)

    def shard(self, shard: int, shards: int) -> pd.DataFrame:
        """Return one shard's rows."""
        first, last = shard_bounds(len(self), shard, shards)
        if self._whole is not None:
            return self._whole.iloc[first:last].reset_index(drop=True)
        lines = self._lines[self._starts[first] : self._starts[last]]
        return _parsed(self._path, self._head + lines)


class _TrainingPaths(Sequence[Listed]):
    """The paths of training images that are `_Rows`."""

    def __init__(self, path: str | Path, rows: _Rows) -> None:
        self._path, self._rows = path, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: Any) -> Any:
        if number >= len(self):
            raise IndexError(number)
        row = self._rows.shard(number, len(self))
        refuse_untrainable(row["id"], self._path)
        return listed_paths(row)[0]


def _lines_within(path: str | Path, lines: bytes, within: Sequence[str | Path]) -> bytes:
    """Return the lines of a manifest that are of images in some tar files, which stand together."""
    folder = os.path.dirname(path) or "."
    starts = [f",{utf8(os.path.relpath(anchored(tar), folder))}/".encode() for tar in within]
    places = [place for text in starts for place in (lines.find(text), lines.rfind(text))]
    found = [place for place in places if place >= 0]
    if not found:
        _refuse_absent(path, within)
        return b""
    lines = lines[lines.rfind(b"\n", 0, min(found)) + 1 : lines.index(b"\n", max(found)) + 1]
    if sum(map(lines.count, starts)) != lines.count(b"\n"):
        raise _scattered(path, within)
    return lines


def _lie_in(path: str | Path, paths: pd.Series, within: Sequence[str | Path]) -> BoolArray:
    """Return (n,) which images lie in some tar files; UserError where these are not together."""
    folders = tuple(f"{anchored(tar)}/" for tar in within)
    found = paths.map(lambda one: _whole(path, one).startswith(folders)).to_numpy(dtype=np.bool_)
    if not found.any():
        _refuse_absent(path, within)
    if (np.diff(found.astype(np.int8)) == 1).sum() > int(not found[:1].any()):
        raise _scattered(path, within)
    return found


def _whole(manifest: str | Path, path: str) -> str:
    """Return the absolute path of an image, also of one whose tar file is not here."""
    here = path if place_of(path) else os.path.join(os.path.dirname(manifest), path)
    return os.path.abspath(here)


def _refuse_absent(path: str | Path, within: Sequence[str | Path]) -> None:
    """Refuse tar files that are not there, where no image of them is listed; tell of others."""
    absent = [tar for tar in within if not is_shard(tar)]
    line = f"{path}: lists no image of {', '.join(map(printable, absent or within))}"
    if absent:
        raise UserError(f"{line}; name tar files that it was made of")
    logger.warning("%s", line)


def _scattered(path: str | Path, within: Sequence[str | Path]) -> UserError:
    what = f"the images of {', '.join(map(printable, within))} do not stand together"
    return UserError(f"{path}: {what}; {IN_ORDER}")


def unreadable(rows: pd.DataFrame) -> BoolArray:
    """Return (n,) which rows of a manifest are of images that could not be read."""
    return (rows["width"] == 0).to_numpy(dtype=np.bool_)


def listed_paths(rows: pd.DataFrame) -> list[Listed]:
    """Return the paths of a manifest's images, all of which can be read."""
    return [Listed(*row) for row in zip(rows["path"], rows["sha256"], strict=True)]


def image_paths(rows: pd.DataFrame) -> list[Listed | None]:
    """Return the paths of a manifest's images, None for one that could not be read."""
    pairs = zip(listed_paths(rows), unreadable(rows), strict=True)
    return [None if missing else path for path, missing in pairs]


def read_training(path: str | Path) -> pd.DataFrame:
    """Return the manifest of images to train on; UserError where it lists anything else."""
    rows = read_manifest(path)
    refuse_untrainable(rows["id"], path)
    return rows


def refuse_untrainable(ids: ArrayLike, source: str | Path) -> None:
    """Raise UserError at the first id that is no training image's: the rules forbid to learn it."""
    names = np.asarray(ids, dtype=np.str_)
    if (row := first_where(~TRAINING.matches(names))) is not None:
        raise UserError(
            f"{source}: {names[row]} is no training image; training on "
            "references or queries is against the rules, name the training images instead"
        )


def _parsed(path: str | Path, content: bytes) -> pd.DataFrame:
    if first_row(path, content) != COLUMNS:
        raise UserError(
            f"{path}: a manifest has the columns {','.join(COLUMNS)}; run prepare again"
        )
    try:
        rows = read_table(path, COLUMNS, {"width": np.int64, "height": np.int64}, content)
    except UserError as error:
        raise UserError(f"{error}; run prepare again") from None
    rows["path"] = rows["path"].map(as_path).map(partial(_found_from, os.path.dirname(path)))
    if not (rows["id"].is_unique and rows["id"].is_monotonic_increasing):
        raise UserError(f"{path}: ids must be sorted and unique; run prepare again")
    return rows


def _seen_from(folder: str, path: str) -> str:
    """Return the path that a manifest in a folder has of an image."""
    place = place_of(path)
    return (
        "/".join([os.path.relpath(anchored(place.shard), folder), place.member]) if place else path
    )


def _found_from(folder: str, path: str) -> str:
    """Return where an image is that a manifest in a folder names."""
    # By its name, as `relpath` went: `..` of a folder that is a link leads elsewhere on the disk.
    place = place_of(os.path.normpath(os.path.join(folder, path)))
    return "/".join(place) if place else path


def content_digest(rows: pd.DataFrame) -> str:
    """Return one SHA-256 for a whole split: over its lines `id sha256`."""
    digest = hashlib.sha256()
    for image_id, content in zip(rows["id"], rows["sha256"], strict=True):
        digest.update(f"{image_id} {content}\n".encode())
    return digest.hexdigest()


def shard_bounds(count: int, shard: int, shards: int) -> tuple[int, int]:
    """Return the half-open range of rows that shard `shard` of `shards` holds.

    Raises:
        UserError: `shard` is not in [0, shards).
    """
    if not 0 <= shard < shards:
        raise UserError(f"shard {shard} of {shards} does not exist; shards count from 0")
    return count * shard // shards, count * (shard + 1) // shards
