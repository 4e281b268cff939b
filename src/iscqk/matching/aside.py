"""Descriptions kept although the present call did not ask for them.

They lie in shards that no list names: the file beside them stands for what was asked for last, and
for nothing else.
"""

import logging
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iscqk.formats.arrays import IntArray
from iscqk.formats.described_images import DescribedImages, read_described
from iscqk.formats.described_shards import ROWS, listed_shards, shard_folder, write_shard
from iscqk.formats.printable_names import printable
from iscqk.matching.fates import Fate, fate_of_other
from iscqk.matching.known import Asked, KnownImages
from iscqk.runtime.wording import counted

logger = logging.getLogger(__name__)

_NUMBER = 99_999  # of a shard that no list names
# Of what nobody can look at now: what is told of it, and until when it is so.
_ABSENT = {
    Fate.AWAY: ("are away with their folders", "they are back"),
    Fate.BARRED: ("may not be read (Permission denied)", "their folder is readable"),
}


class Others(NamedTuple):
    """Which descriptions of images that a call does not ask for are kept.

    Attributes:
        kept: of what has become of the images, all of which they are kept.
        level: of logging, at which it is told once what nobody can look at now.
    """

    kept: tuple[Fate, ...]
    level: int


ALL_OTHERS = Others((Fate.THERE, *_ABSENT), logging.INFO)
MADE_OF_OTHERS = ALL_OTHERS._replace(level=logging.DEBUG)  # copies: of the originals it is told
# Of what is looked up once, such as a day's folder, there would be ever more.
NONE_AWAY = Others((Fate.THERE, Fate.BARRED), logging.DEBUG)
NONE_THERE = Others((*_ABSENT,), logging.WARNING)  # of a file that stands for what is named


def put_aside(path: Path, place: Path) -> list[Path]:
    """Copy a file of descriptors to a shard beside `path`, and return where it lies then.

    What a list names are shards already.
    """
    shards = listed_shards(place)
    return [_write(path, read_described(place))] if shards == [place] else shards


def keep_others(
    path: Path, before: list[Path], known: KnownImages, asked: Asked, others: Others
) -> list[Path]:
    """Keep the descriptions that may be asked for again; return the shards that have them.

    Those of images that somebody has removed are dropped, and those of moved ones that are asked
    for by their new names. In a shard that may stay as it is, nobody looks for such images if all
    others are kept; they are dropped once it is joined with others.

    Args:
        path: of the file that the shards lie beside.
        before: the file itself, or the shards that it listed, until now.
        known: all images that are described.
        asked: those that the file stands for from now on.
        others: which of the others to keep.
    """
    folder, shards = shard_folder(path), _Shards(path)
    gone, absent = 0, {fate: list[str]() for fate in _ABSENT}
    places = known.others_than(asked)
    # What is new to the shards first, then these from the smallest on.
    for place, count, rows in sorted(places, key=lambda o: (o[0].parent == folder, len(o[2]))):
        may_stay = place.parent == folder and _may_stay(len(rows), count, shards.waiting)
        if may_stay and not _may_drop_any(place, rows, others):
            shards.there.append(place)
            continue
        kept = _kept_of(place, rows, asked, others)
        gone += kept.gone
        if place in before:  # those of other shards were told when they went away
            for fate, paths in kept.absent.items():
                absent[fate] += paths
        if may_stay and len(kept.rows) == len(rows):
            shards.there.append(place)
        elif len(kept.rows):
            shards.add(kept.shard.only(kept.rows))
    shards.flush()
    if gone:
        what = counted(gone, "image that it described is", "images that it described are")
        logger.log(others.level, "%s: %s gone, left out", printable(path), what)
    for fate, paths in absent.items():
        _tell(others.level, path, paths, *_ABSENT[fate], shards.there)
    return shards.there


class _Shards:
    """Shards beside a file of descriptors; small ones are joined, so that there are never many.

    Attributes:
        there: that stay or were written.
        waiting: images that are to be written, in one shard.
    """

    def __init__(self, path: Path) -> None:
        self.there: list[Path] = []
        self.waiting = 0
        self._path = path
        self._joined: list[DescribedImages] = []

    def add(self, described: DescribedImages) -> None:
        """Join descriptions to those that wait, or have them wait for more."""
        if self.waiting + len(described.files) > ROWS:
            self.flush()
        self._joined.append(described)
        self.waiting += len(described.files)

    def flush(self) -> None:
        """Write what waits."""
        if self._joined:
            self.there.append(_write(self._path, DescribedImages.joined(self._joined)))
        self._joined, self.waiting = [], 0


class _Kept(NamedTuple):
    """What is kept of some images of a shard.

    Attributes:
        shard: all of it.
        rows: (k,) of it that are kept.
        gone: how many of the images are gone.
        absent: paths of those that are kept and nobody can look at now, by what has become of them.
    """

    shard: DescribedImages
    rows: IntArray
    gone: int
    absent: dict[Fate, list[str]]


def _kept_of(place: Path, rows: IntArray, asked: Asked, others: Others) -> _Kept:
    """Look what has become of the images in some rows of a shard, and which are to be kept."""
    shard = read_described(place, stored=True)
    fates = _fates(shard, rows, asked)
    stay, is_gone = (
        np.isin(fates, others.kept),
        np.isin(fates, [*{Fate.GONE, *_ABSENT} - {*others.kept}]),
    )
    absent = {
        fate: [shard.files[row].path for row in rows[stay & (fates == fate)].tolist()]
        for fate in _ABSENT
    }
    return _Kept(shard, rows[stay], int(is_gone.sum()), absent)


def _may_drop_any(place: Path, rows: IntArray, others: Others) -> bool:
    """Return whether some images of a shard that may stay as it is have to be looked for."""
    if {Fate.THERE, Fate.AWAY} <= {*others.kept}:
        return False
    if Fate.AWAY in others.kept:
        return True
    files = read_described(place, stored=True).files
    paths = (files[row].path for row in rows.tolist())
    one_of_each_folder = {os.path.dirname(path): path for path in paths}.values()
    fates = (fate_of_other(path, is_content_asked=False) for path in one_of_each_folder)
    return Fate.AWAY in fates


def _may_stay(rows: int, count: int, joined: int) -> bool:
    """Return whether a shard of `count` images, `rows` of them wanted, is not worth joining.

    It is not where it has more than all that it would be joined to, so that few are written again.
    """
    return 2 * rows >= count and (rows > joined or rows + joined > ROWS)


def _write(path: Path, described: DescribedImages) -> Path:
    return write_shard(path, _NUMBER, described, 0, len(described.files))


def _fates(described: DescribedImages, rows: IntArray, asked: Asked) -> IntArray:
    """Return (n,) what has become of images since they were described."""
    paths = [described.files[row].path for row in rows.tolist()]
    is_asked = asked.has_contents([described.sha256[row] for row in rows.tolist()])
    return np.array([*map(fate_of_other, paths, is_asked.tolist())])


def _tell(
    level: int, path: Path, images: list[str], are: str, back: str, shards: list[Path]
) -> None:
    """Tell of images that nobody can look at now, until when, and how to forget them."""
    if images:
        kept = ", ".join(map(printable, shards))  # not their folder: those of a list lie there, too
        logger.log(
            level, "%s: %d images that it described %s, %s first; they are known when %s; to "
            "forget them, remove %s",
            printable(path), len(images), are, printable(images[0]), back, kept,
        )  # fmt: skip
