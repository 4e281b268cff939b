"""Images in shards: plain tar files in the WebDataset layout, one member a file.

`photos.tar/a/b.jpg` is the member `a/b.jpg` of the file `photos.tar`: whatever opens or looks at an
image takes such a path as it takes that of a file. Where members are is looked up once in each
process, so that any of them is a read away.
"""

import hashlib
import os
import re
import tarfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from iscqk.errors import UserError
from iscqk.formats.files import atomic_folder, sha256_of
from iscqk.formats.path_checks import refuse_missing
from iscqk.formats.printable_names import printable
from iscqk.formats.tar_files import Member, Put, read_foreign_members, writing_tar

SUFFIX = ".tar"
_LARGEST = 2**30  # bytes of an image, which is read whole
_EARLIEST, _LATEST = -(2**63), 2**63 - 1  # ns, of which 64 bits are stored; others count as these
_INSIDE = re.compile(re.escape(SUFFIX) + "(?=/)", re.IGNORECASE)


class Place(NamedTuple):
    """A shard, and the name of a member."""

    shard: str
    member: str


Version = tuple[int, int, int]


class Status(NamedTuple):
    """What tells images apart, and an image from what it was: times in ns, size in bytes."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


def is_named_as_shard(path: str | Path) -> bool:
    """Return whether a path would be that of a shard, if there is a file."""
    return str(path).lower().endswith(SUFFIX)


def is_shard(path: str | Path) -> bool:
    """Return whether a path is of a shard: a file whose name says so."""
    return is_named_as_shard(path) and os.path.isfile(path)


def place_of(path: str | Path) -> Place | None:
    """Return where in a shard an image lies; None of any other path."""
    text = str(path)
    for found in _INSIDE.finditer(text):
        if os.path.isfile(text[: found.end()]):
            return Place(text[: found.end()], text[found.end() + 1 :])
    return None


def paths_in(shard: str | Path) -> list[Path]:
    """Return the paths of a shard's members, in their order.

    Raises:
        UserError: it is no plain tar file, is cut short, or a name is there twice or leads outside.
    """
    return [Path(shard, name) for name in _members(str(shard), *version_of(str(shard)))]


def content_of(path: str | Path) -> bytes | None:
    """Return an image's bytes where it lies in a shard; None of any other path.

    Raises:
        OSError: no such member.
        UserError: as `paths_in`.
        ValueError: it is absurdly large.
    """
    if (place := place_of(path)) is None:
        return None
    member = _member(place)
    if member.size > _LARGEST:
        raise ValueError(f"{member.size} bytes exceed limit of {_LARGEST}")
    with open(place.shard, "rb") as file:
        return os.pread(file.fileno(), member.size, member.offset)


def beginning_of(path: str | Path, count: int) -> bytes:
    """Return the first bytes of an image, in a shard or not, and no more of it is read.

    Raises:
        OSError: no such member or file, or it is none that can be read without waiting.
        UserError: as `paths_in`.
    """
    if place := place_of(path):
        member = _member(place)
        with open(place.shard, "rb") as file:
            return os.pread(file.fileno(), min(count, member.size), member.offset)
    if not os.path.isfile(path):
        raise FileNotFoundError(2, "no such file", str(path))
    with open(path, "rb", buffering=0) as file:
        return file.read(count)


def bytes_of(path: str | Path) -> bytes:
    """Return the bytes of an image, in a shard or not; errors as of `content_of` or a file."""
    content = content_of(path)
    return Path(path).read_bytes() if content is None else content


def digest_of(path: str | Path) -> str:
    """Return the SHA-256 of an image, in a shard or not, as 64 hexadecimal digits."""
    content = content_of(path)
    return sha256_of(path) if content is None else hashlib.sha256(content).hexdigest()


def status_of(path: str | Path) -> Status:
    """Return what the system knows of an image.

    In a shard it has the shard's times, and an inode made of the shard's and of its place in it.

    Raises:
        OSError: there is no such image.
    """
    place = place_of(path)
    status = os.stat(place.shard if place else path)
    inode, size = status.st_ino, status.st_size
    if place:
        member = _member(place)
        own = hashlib.sha256(f"{inode} {member.offset}".encode()).digest()
        inode, size = int.from_bytes(own[:8]), member.size
    times = (max(_EARLIEST, min(t, _LATEST)) for t in (status.st_mtime_ns, status.st_ctime_ns))
    return Status(status.st_dev, inode, size, *times)


def is_there(path: str | Path) -> bool:
    """Return whether there is a file of that path, or such a member of a shard.

    One that we may not see (`iscqk.formats.disk_errors.is_barred`) is not there, nor is one of a
    disk that does not answer.
    """
    if (place := place_of(path)) is None:
        return os.path.exists(path)
    return place.member in _members(place.shard, *version_of(place.shard))


@contextmanager
def writing_images(path: str | Path) -> Iterator[Put]:
    """Yield what adds an image to a new shard or, where the path does not end in `.tar`, folder.

    Raises:
        UserError: there are files in the folder already, or it cannot be written.
    """
    if is_named_as_shard(path):
        with writing_tar(path) as put:
            yield put
        return
    with atomic_folder(path) as temporary:

        def write(name: str, content: bytes) -> None:
            (temporary / name).write_bytes(content)

        yield write


def _member(place: Place) -> Member:
    found = _members(place.shard, *version_of(place.shard)).get(place.member)
    if found is None:
        raise FileNotFoundError(2, "no such member", os.path.join(*place))
    return found


def version_of(path: str | Path) -> Version:
    """Return what changes with a file, so that no index of an older one is taken for its own."""
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=256)
def _members(shard: str, *_: int) -> dict[str, Member]:
    """Return a shard's members by name."""
    found: dict[str, Member] = {}
    refuse_missing(shard)
    try:
        with open(shard, "rb") as file:
            for member in read_foreign_members(file):
                name = os.path.normpath(member.name)
                _refuse_name(name, found)
                found[name] = member
    except (OSError, tarfile.TarError, ValueError) as error:
        is_no_tar = isinstance(error, tarfile.TarError) and not found
        how = "as a plain tar, not compressed" if is_no_tar else "of whole, regular files"
        how = error.how if isinstance(error, _WrongName) else how
        what = f"no shard of images ({error}); make it again {how}"
        raise UserError(f"{printable(shard)}: {what}") from None
    return found


class _WrongName(ValueError):
    """What is wrong with a member's name, and how to make its shard without that."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__(what)
        self.how = how


def _refuse_name(name: str, found: Container[str]) -> None:
    if name in found:
        raise _WrongName(f"{name!r} is there twice", "with one of each name")
    if os.path.isabs(name) or name.startswith("..") or "\0" in name:
        raise _WrongName(
            f"{name!r} is no name of a file in it", "by names below its folder (no -P)"
        )
