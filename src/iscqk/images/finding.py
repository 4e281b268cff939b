"""Which files are images: those in folders and shards, and those that a list names."""

import errno
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from iscqk.errors import UserError
from iscqk.formats.disk_errors import disk_is_gone
from iscqk.formats.image_shards import is_shard, is_there, place_of
from iscqk.formats.named_files import named
from iscqk.formats.printable_names import printable
from iscqk.images.opening import formats_begun, is_image
from iscqk.images.suffixes import NOT_OPENED, PACKED, SUFFIXES
from iscqk.images.walking import Exclusion, Walk
from iscqk.runtime.wording import counted

logger = logging.getLogger(__name__)

_NOT_IN_A_NAME = frozenset('/\\"\0')  # what names in a list are written with by mistake
_ASKED = 100  # files of a suffix that say whether any may be an image


class Found(NamedTuple):
    """What lies in a folder or shard.

    Attributes:
        images: sorted by path.
        others: files that are none.
        unlisted: of each folder in it that cannot be listed, why.
    """

    images: list[Path]
    others: list[Path]
    unlisted: list[OSError]


def find_images(folders: Iterable[str | Path], listed: str | None = None) -> list[Path]:
    """Return all files in folders or shards named as images, one by one, each sorted by path.

    So is an image that is named as a picture of another format, as a JPEG may be as `.heic`.

    With a list file, those that it names (`only_listed`).

    Links are followed, and into each folder once, so that loops end; a shard counts once, too. What
    is named as an image and is none, as a link to nothing, is found as well: it must be told when
    it is looked at.

    Raises:
        UserError: a folder is missing, has an empty name, cannot be listed, or holds no image; or a
            shard likewise; or as `only_listed`.
    """
    walk = Walk()
    found = [path for folder in map(named, folders) for path in _found_in(folder, walk).images]
    return only_listed(found, listed) if listed else found


def find_own_images(folder: str | Path, exclude: Exclusion | None = None) -> Found:
    """Return all images in somebody's folder or shard, whatever their names say, and what is none.

    Hidden folders, hidden files not named as pictures, what systems keep beside these (trash,
    thumbnails, a Mac's `._*`) and folders that cannot be listed are passed over and told.

    Args:
        folder: or shard, which is looked at whatever its name.
        exclude: names of files and folders in it, which are passed over.

    Raises:
        UserError: as `find_images`, of a folder that is named.
    """
    return _found_in(named(folder), Walk(passes_over=True, exclude=exclude))


def _found_in(folder: Path, walk: Walk) -> Found:
    files, is_known, unlisted = walk.files(folder)
    images = {path for path in files if _is_taken(path)}
    others = sorted(path for path in files if path not in images)
    unnamed = _unnamed_images(others)
    if walk.passes_over and unnamed:
        what = counted(len(unnamed), "file is an image", "files are images")
        what = f"{what} by content alone ({printable(unnamed[0])} first), and looked at, too"
        logger.info("%s: %s", printable(folder), what)
        images.update(unnamed)
        others = [path for path in others if path not in images]
        unnamed = []
    if images or not is_known:
        _tell_left_out(folder, others, unnamed, are_all=not images)
    return Found(sorted(images), others, unlisted)


def _is_taken(path: Path) -> bool:
    """Return whether a file is named as an image, or is one for all that its name says."""
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or (suffix in NOT_OPENED and holds_image(path))


def _unnamed_images(others: Iterable[Path]) -> list[Path]:
    """Return the files that are images by their content, though their names do not say so.

    A million may have one suffix: after `_ASKED` of them more are opened only if one was an image.
    """
    found: list[Path] = []
    vain: Counter[str] = Counter()
    always = {""}
    for path in others:
        suffix = path.suffix.lower()
        if suffix in NOT_OPENED or (vain[suffix] >= _ASKED and suffix not in always):
            continue
        if holds_image(path):
            found.append(path)
            always.add(suffix)
        else:
            vain[suffix] += 1
    return found


def holds_image(path: Path) -> bool:
    """Return whether a file is by its content an image that is opened, whatever its name says.

    A TIFF under the name of a camera's own format is none: its first picture is a thumbnail. Of a
    file that begins as no image only the first bytes are read: there may be thousands of these.
    """
    kinds = formats_begun(path)
    if path.suffix.lower() in NOT_OPENED:
        kinds.discard("TIFF")
    return bool(kinds) and is_image(path)


def refuse_not_opened(path: Path) -> None:
    """Raise UserError where a file's name says it to be a picture that is not opened."""
    if path.suffix.lower() in NOT_OPENED:
        what = f"of a format that is not opened ({path.suffix}); convert it"
        raise UserError(f"{printable(path)}: {what} to one of {' '.join(sorted(SUFFIXES))}")


def _tell_left_out(folder: Path, others: list[Path], unnamed: list[Path], are_all: bool) -> None:
    """Tell of files that are not taken for images; UserError where all of a folder's are such."""
    counts = Counter(path.suffix for path in others)
    pictures = {kind: n for kind, n in counts.items() if kind.lower() in NOT_OPENED}
    kinds = " ".join(sorted(SUFFIXES))
    left_out = []
    if pictures:
        count, names = sum(pictures.values()), " ".join(sorted(pictures))
        what = f"{counted(count, 'picture is', 'pictures are')} of a format that is not opened"
        left_out.append(f"{what} ({names}); convert to one of {kinds}")
    if unnamed:
        what = counted(len(unnamed), "file is an image", "files are images")
        first = printable(unnamed[0])
        left_out.append(
            f"{what} and not named as such ({first} first); rename to end in one of {kinds}"
        )
    for what in left_out:
        if are_all:
            raise UserError(f"{printable(folder)}: {what}")
        logger.warning("%s: %s", printable(folder), what)
    if are_all:
        raise UserError(f"{printable(folder)}: no image there{_where_to_find_some(others)}")
    if counts:
        logger.info("%s: files not named as images, left out: %s", printable(folder), dict(counts))


def _where_to_find_some(others: list[Path]) -> str:
    """Return what to do about a folder that holds no image but, perhaps, archives of some."""
    if shards := [*filter(is_shard, others)]:
        return f", but tar files; name these themselves ({printable(shards[0])} first)"
    packed = [path for path in others if path.suffix.lower() in PACKED]
    if packed:
        return f", but what is packed ({printable(packed[0])} first); unpack it"
    return f"; put some there ({' '.join(sorted(SUFFIXES))})"


def refuse_lost(path: str | Path, reason: str | None, may_go: bool = False) -> None:
    """Take no image for a bad one where it is its disk that has failed or gone since.

    Args:
        path: of an image that cannot be looked at or opened.
        reason: why, as `BadImage` or the system says it.
        may_go: whether an image may be gone by itself, where others are left in its folder.

    Raises:
        UserError: its disk does not answer, or it is gone.
    """
    numbers = {os.strerror(number): number for number in errno.errorcode}
    if line := disk_is_gone(numbers.get(reason or "")):
        raise UserError(f"{printable(path)}: {line}")
    is_gone = not (os.path.lexists(path) or is_there(path))
    if is_gone and not (may_go and _holds_any(os.path.dirname(path) or ".")):
        what = "gone since its folder was listed; see to its disk, then run the same command again"
        raise UserError(f"{printable(path)}: {what}")


def is_away(path: str | Path) -> bool:
    """Return whether an image that is not there may come back: all its folder is away, or empty.

    Where others are left in its folder or shard somebody has removed it.
    """
    return place_of(path) is None and not _holds_any(os.path.dirname(path) or ".")


def _holds_any(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def only_listed(paths: Sequence[Path], names: str | Path) -> list[Path]:
    """Return the images named in a list file, as the challenge's: the name of one in each line.

    It may have a suffix, as the file has it.

    Raises:
        UserError: there is no such file, it is empty, or some image of it is not among `paths`.
    """
    try:
        lines = Path(names).read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise UserError(f"{names}: cannot read this list ({error}); correct its path") from None
    except UnicodeDecodeError:
        raise UserError(f"{names}: a list that is no text in UTF-8; save it as UTF-8") from None
    listed = dict.fromkeys(filter(None, map(str.strip, lines)))
    if not listed:
        raise UserError(f"{names}: lists no image; name some, or remove it to take all there are")
    stems, files = ({name(path) for path in paths} for name in (_stem, _file))
    # Accents are one letter or two, as an archive or the list's writer has them.
    others = (*(files - listed.keys()), *(stems - listed.keys()))
    forms = {normalize("NFC", name): name for name in others}
    there = stems | files
    named = {n if n in there else forms.get(normalize("NFC", n), n) for n in listed}
    if missing := named - there:
        first, remedy = _first_missing(missing, there)
        what = counted(len(missing), "image that is not there", "images that are not there")
        raise UserError(f"{names}: lists {what}, {first:.200} first; {remedy}")
    whole = named - stems  # files with their suffix
    return [path for path in paths if _stem(path) in named or _file(path) in whole]


def _first_missing(missing: set[str], there: Iterable[str]) -> tuple[str, str]:
    """Return what to name of what is listed and not there, and what to do about it."""
    if odd := [name for name in missing if _NOT_IN_A_NAME & set(name)]:
        return min(odd), "write one name a line, without folders, quotes and NULs"
    first = min(missing)
    if alike := [name for name in there if name.casefold() == first.casefold()]:
        return first, f"write it as the file is named, {min(alike)}"
    return first, "unpack all archives, or remove the list to do without"


def _stem(path: Path) -> str:
    return path.stem.strip()


def _file(path: Path) -> str:
    return path.name.strip()
