"""What a user gives to be looked at: images, folders of them, and files of descriptors."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from PIL import Image

from iscqk.errors import UserError
from iscqk.formats.described_images import holds_described
from iscqk.formats.disk_errors import is_barred
from iscqk.formats.image_shards import is_shard, is_there, status_of
from iscqk.formats.named_files import named, on_disk
from iscqk.formats.path_checks import refuse_missing
from iscqk.formats.printable_names import printable
from iscqk.images.finding import find_own_images, holds_image, refuse_not_opened
from iscqk.images.opening import ImageInput
from iscqk.images.suffixes import PACKED, SUFFIXES
from iscqk.images.walking import Exclusion, leads_to_nothing, warn_of_links_to_nothing
from iscqk.matching.left_out import LeftOut, not_listed, of_other_kinds

logger = logging.getLogger(__name__)

PathName = str | os.PathLike[str]
InputPaths = PathName | Iterable[PathName]
Given = ImageInput | bytearray | memoryview | os.PathLike[str]  # for an image
Identity = tuple[object, ...]

_MANY = 10_000
ORIENTATIONS = (1, 8)  # in which queries can be looked up


class Inputs(NamedTuple):
    """What was named.

    Attributes:
        images: files, each once.
        described: files that `iscqk describe` wrote.
        left_out: what lies in the folders named and is no image, or cannot be listed, and links to
            nothing that were named.
    """

    images: list[Path]
    described: list[Path]
    left_out: Sequence[LeftOut] = ()


def find_inputs(paths: InputPaths, exclude: str | Iterable[str] = ()) -> Inputs:
    """Return what is named, and all images below the folders or in the shards named, in order.

    A name to be excluded that is met nowhere is warned of, as it may be mistyped. A link to nothing
    beside others is left out, as a shell names all that lies in a folder (`photos/*`).

    Args:
        paths: what is named.
        exclude: names of files and folders below these, or patterns of names, to be passed over.

    Raises:
        UserError: nothing is named, or something else than names is given; a name is empty; there
            is no such file or folder, a folder without an image, or a file that is neither an image
            nor descriptors; or a path is to be excluded.
    """
    with _excluding(exclude) as exclusion:
        return _found(paths, exclusion)


def find_both_inputs(
    images: InputPaths, against: InputPaths, exclude: str | Iterable[str] = ()
) -> tuple[Inputs, Inputs]:
    """Return `find_inputs` of both; what is excluded has to be met in one of them.

    Raises:
        UserError: as `find_inputs`.
    """
    with _excluding(exclude) as exclusion:
        return _found(images, exclusion), _found(against, exclusion)


@contextmanager
def _excluding(exclude: str | Iterable[str]) -> Iterator[Exclusion]:
    """Give what is to be excluded, and tell of what of it passed over nothing."""
    exclusion = Exclusion(_patterns(exclude))
    yield exclusion
    for pattern in exclusion.unmet:
        what = "passes over nothing, as nothing that is looked at is named so"
        logger.warning("exclude %s: %s", printable(pattern), what)


def _found(paths: InputPaths, exclusion: Exclusion) -> Inputs:
    images: list[Path] = []
    described: list[Path] = []
    others: list[Path] = []
    unlisted: list[OSError] = []
    lost: list[Path] = []
    for path in _places(paths):
        if not is_there(path):
            if is_barred(path):
                refuse_missing(path)
            if not leads_to_nothing(path):
                _refuse_not_there(path)
            lost.append(path)
        elif path.is_dir() or is_shard(path):
            found = find_own_images(path, exclusion)
            images += found.images
            others += found.others
            unlisted += found.unlisted
        elif holds_described(path):
            described.append(path)
        else:
            _refuse_other_kinds(path)
            images.append(path)
    if lost and not (images or described):
        _refuse_not_there(lost[0])
    warn_of_links_to_nothing(lost)
    if len(images) > _MANY:  # which takes some minutes before there is more to tell
        logger.info("looking at %d files", len(images))
    left_out = [*of_other_kinds([*others, *lost]), *not_listed(unlisted)]
    return Inputs(without_repeats(images), without_repeats(described), left_out)


def _places(paths: InputPaths) -> list[Path]:
    """Return the names that are given, one at least and none empty."""
    wanted = "names of files and folders; `Model.describe` takes images"
    given = _listed(paths, str | Path, wanted, "its name")
    if not given:
        raise UserError("no image is named; name files or folders")
    return [Path(on_disk(str(named(path)))) for path in given]


def _patterns(exclude: str | Iterable[str]) -> list[str]:
    """Return what is to be excluded; UserError of what can be no file's name."""
    given = _listed(exclude, str, "names of files and folders to exclude", "its name")
    patterns = [name.rstrip("/") for name in given]
    for pattern, name in zip(patterns, given, strict=True):
        if not pattern or "/" in pattern:
            what = "no name; give that of a file or folder, without those that it lies in"
            raise UserError(f"exclude {printable(name)}: {what}")
    return patterns


def as_images(images: Given | Iterable[Given]) -> list[ImageInput]:
    """Return images in a list, also one that is given by itself.

    Raises:
        UserError: something else is given, or is among them.
    """
    wanted = "paths, files' bytes or images of Pillow (Image.fromarray)"
    return _listed(images, ImageInput, wanted, "file.read()")


def _listed(given: Any, kind: Any, wanted: str, of_open: str) -> list[Any]:
    """Return what is given of a kind, itself or in anything that can be gone through.

    `wanted` and `of_open` say what to give in place of anything else, and of an open file.
    """
    found = [*map(_plain, [given] if _is_one(given) else given)]
    for one in found:
        if not isinstance(one, kind):
            told = f"{type(one).__name__}: not what is looked at; give {wanted}"
            if hasattr(one, "read"):
                told += f"; of an open file, {of_open}"
            elif hasattr(one, "columns"):
                told += "; of a table, one column"
            raise UserError(told)
    return found


def _is_one(given: Any) -> bool:
    """Return whether something is to be looked at itself, not what it has in it."""
    if isinstance(given, str | os.PathLike | bytes | bytearray | memoryview | Image.Image):
        return True
    is_list = isinstance(given, Iterable) and getattr(given, "ndim", 1) == 1
    return not is_list or hasattr(given, "read")  # a file would be split into its lines


def _plain(one: Any) -> Any:
    """Return a path or bytes, in whatever they were given."""
    if isinstance(one, bytearray | memoryview):
        return bytes(one)
    if isinstance(one, os.PathLike) and not isinstance(one, Path):
        return Path(os.fsdecode(one))
    return one


def _refuse_not_there(path: Path) -> NoReturn:
    raise UserError(f"{printable(path)}: no such file or folder; correct its path")


def _refuse_other_kinds(path: Path) -> None:
    """Refuse a file that neither its name nor its content says to be an image.

    What is named as one and is none is told when all are described, and left out.
    """
    if path.suffix.lower() not in SUFFIXES and not holds_image(path):
        if path.is_file():
            refuse_missing(path)  # which may be there and not for us to read
        refuse_not_opened(path)
        if path.suffix.lower() in PACKED:
            what = "packed; unpack it, or make it again as a plain tar, not compressed"
            raise UserError(f"{printable(path)}: {what}")
        what = "neither an image nor descriptors"
        raise UserError(f"{printable(path)}: {what}; name images, folders or what describe wrote")


def without_repeats(paths: Iterable[Path]) -> list[Path]:
    """Return files by the first of their names: links and other spellings are left out."""
    first = {identity(path): path for path in reversed(list(paths))}
    return list(reversed(first.values()))


def identity(path: str | Path) -> Identity:
    """Return what is equal of two names of one file; of one that is not there, its own place.

    Two links to nothing are two names of that, and each is told.
    """
    try:
        status = status_of(path)
    except OSError:
        folder, name = os.path.split(path)
        return (os.path.join(os.path.realpath(folder), name),)
    # Size and time beside the inode, which some network disks do not tell apart.
    return status[:4]
