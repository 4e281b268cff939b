"""The files below folders and in shards, each folder and shard once, and what is passed over there.

Of what the workflow lists nothing is passed over: what is trained on or graded is who made its
folders to decide. Of somebody's own folders that is what no person has put there as a picture.
"""

import logging
import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from iscqk.errors import UserError
from iscqk.formats.disk_errors import disk_is_gone
from iscqk.formats.image_shards import is_shard, paths_in
from iscqk.formats.own_files import is_own_file
from iscqk.formats.printable_names import printable
from iscqk.images.suffixes import NOT_OPENED, SUFFIXES
from iscqk.runtime.wording import counted

logger = logging.getLogger(__name__)

# Thumbnails and trash of network disks and of Windows; those of other systems are hidden.
_OF_SYSTEMS = {"@eadir", "#recycle", "@recycle", "$recycle.bin", "system volume information"}
_HIDDEN, _SHADOW = ".", "._"  # the second is what a Mac keeps of a file on others' disks


class Exclusion:
    """Names of files and folders, or patterns of names, that are passed over where they are met.

    `*` stands for any letters, `?` for one, `[12]` for one of these; but what is so named is meant,
    too, and alone where the whole name is in brackets, as of a folder `[raw]`.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._patterns = {one: normalize("NFC", one) for one in patterns}
        self._met = set[str]()

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def covers(self, name: str) -> bool:
        """Return whether what has this name is passed over, and note by which patterns."""
        name = normalize("NFC", name)  # accents are one letter or two, as on a Mac's disk
        found = [given for given, one in self._patterns.items() if _is_meant(name, one)]
        self._met.update(found)
        return bool(found)

    @property
    def unmet(self) -> list[str]:
        """Those that have covered nothing yet, in order."""
        return [pattern for pattern in self._patterns if pattern not in self._met]


def _is_meant(name: str, pattern: str) -> bool:
    is_name = pattern.startswith("[") and pattern.find("]") == len(pattern) - 1
    return name == pattern or (not is_name and fnmatchcase(name, pattern))


class Walked(NamedTuple):
    """What a walk finds below a place.

    Attributes:
        files: all but those that were listed before.
        is_known: whether there are such.
        unlisted: of each folder that cannot be listed, why.
    """

    files: list[Path]
    is_known: bool
    unlisted: list[OSError]


class Walk:
    """Lists folders and shards, whichever were not listed before."""

    def __init__(self, passes_over: bool = False, exclude: Exclusion | None = None) -> None:
        """Take what is to be passed over below folders that are named.

        Args:
            passes_over: hidden folders, hidden files not named as pictures, what systems keep
                beside pictures, and folders that cannot be listed, all of which is told, and,
                without a word, what iscqk has written; else such a folder ends the walk.
            exclude: files and folders of these names.
        """
        self.passes_over, self._exclude = passes_over, exclude or Exclusion()
        self._seen: set[tuple[int, int]] = set()  # devices and inodes
        self._begin()

    def _begin(self) -> None:
        """Have nothing to tell, as before each place."""
        self._unlisted: list[OSError] = []
        self._passed: list[str] = []
        self._excluded: list[str] = []

    def files(self, place: Path) -> Walked:
        """Return the files in a folder or shard but for what was listed before this place.

        What leads back to a folder in it is left out too.

        Raises:
            UserError: there is no such place, or it, or one below it, cannot be listed.
        """
        self._begin()
        if is_shard(place):
            files, is_known = self._files_in_shard(place)
        elif place.is_dir():
            files, is_known = self._files_below(place)
        else:
            what = "no such folder or .tar file"
            raise UserError(f"{place}: {what}; put the images there or correct its path")
        self._tell(place)
        return Walked(files, is_known, self._unlisted)

    def _files_in_shard(self, shard: Path) -> tuple[list[Path], bool]:
        if (identity := _identity(shard)) in self._seen:
            return [], True
        self._seen.add(identity)
        found, start = paths_in(shard), len(str(shard)) + 1
        if self.passes_over or self._exclude:
            found = [path for path in found if self._keeps_member(str(path), start)]
        return found, False

    def _keeps_member(self, path: str, start: int) -> bool:
        *folders, name = path[start:].split(os.sep)
        kept = (self._keeps(path, folder, is_folder=True) for folder in folders)
        return all(kept) and self._keeps(path, name, is_folder=False)

    def _files_below(self, top: Path) -> tuple[list[Path], bool]:
        earlier, files, is_known = frozenset(self._seen), list[Path](), False

        def fail(error: OSError) -> None:
            is_top = os.fspath(error.filename) == os.fspath(top)
            if is_top or not self.passes_over or disk_is_gone(error.errno):
                what = f"cannot list this folder ({error.strerror})"
                name = printable(error.filename)
                raise UserError(f"{name}: {what}; make it readable or remove it") from None
            self._unlisted.append(error)

        pending = [os.fspath(top)]
        while pending:
            # A folder at a time: before Python 3.12 os.walk itself cannot go a thousand deep.
            place, folders, names = next(os.walk(pending.pop(), onerror=fail), ("", [], []))
            if not place:
                continue
            if (identity := _identity(place)) in self._seen:
                is_known = is_known or identity in earlier
                continue
            self._seen.add(identity)
            # Which of several links to a folder is followed, is not left to chance.
            kept = sorted(self._kept(place, folders, is_folder=True), reverse=True)
            pending += [os.path.join(place, name) for name in kept]
            files += [Path(place, name) for name in self._kept(place, names, is_folder=False)]
        # Of those named as images each is told: the others may have led to folders of such.
        others = (path for path in files if path.suffix.lower() not in SUFFIXES)
        warn_of_links_to_nothing(filter(leads_to_nothing, others))
        return files, is_known

    def _kept(self, place: str, names: list[str], is_folder: bool) -> Iterable[str]:
        if not self.passes_over and not self._exclude:
            return names
        return [name for name in names if self._keeps(os.path.join(place, name), name, is_folder)]

    def _keeps(self, path: str, name: str, is_folder: bool) -> bool:
        """Return whether a file or folder is looked at, and note it where it is not."""
        if self._exclude.covers(name):
            self._excluded.append(path)
            return False
        if self.passes_over and not is_folder and is_own_file(name):
            return False
        if self.passes_over and _is_of_a_system(name, is_folder):
            self._passed.append(path)
            return False
        return True

    def _tell(self, place: Path) -> None:
        """Tell what was passed over below a place."""
        if self._unlisted:
            first, count = self._unlisted[0], len(self._unlisted)
            what = "cannot be listed, and what is in them is left out"
            name = printable(first.filename)
            such = counted(count, "such folder")
            logger.warning("%s: %s; %s %s", name, first.strerror, such, what)
        name = printable(place)
        if self._passed:
            what = "%s: %d files and folders that are hidden or a system's own are passed over (%s "
            what += "first); name them themselves to have them looked at, too"
            logger.info(what, name, len(self._passed), printable(min(self._passed)))
        if self._excluded:
            logger.info("%s: %d files and folders are excluded", name, len(self._excluded))


def _is_of_a_system(name: str, is_folder: bool) -> bool:
    if is_folder:
        return name.startswith(_HIDDEN) or name.lower() in _OF_SYSTEMS
    is_hidden = name.startswith(_HIDDEN) and not _is_named_as_picture(name)
    return is_hidden or name.startswith(_SHADOW)


def _is_named_as_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES | NOT_OPENED


def warn_of_links_to_nothing(links: Iterable[Path]) -> None:
    """Tell how many there are, and the first of them."""
    if lost := sorted(links):
        such = counted(len(lost), "such link leads", "such links lead")
        what = f"{such} to nothing, as where a disk is away; what is behind is left out"
        logger.warning("%s: %s", printable(lost[0]), what)


def leads_to_nothing(path: Path) -> bool:
    """Return whether a file is a link to what is not there, or that nobody lets us see.

    Not one in a folder that is closed to us: nobody knows what it is.
    """
    return os.path.islink(path) and not os.path.exists(path)  # `Path.is_symlink` raises there


def _identity(place: str | Path) -> tuple[int, int]:
    status = os.stat(place)
    return status.st_dev, status.st_ino
