"""Plain tar files: written so that the same content gives the same bytes, and read in place.

A member is bytes at a place in the file. Nothing is ever unpacked, so that a name leads nowhere but
to those bytes.
"""

import io
import os
import re
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from iscqk.formats.files import atomic_file

_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
# By which writers spell names too long for a header: GNU's own ones, and records (pax).
_GNU_NAMES = {tarfile.GNUTYPE_LONGNAME: b"path", tarfile.GNUTYPE_LONGLINK: b"linkpath"}
_EXTENSIONS = (*_GNU_NAMES, tarfile.XHDTYPE)
_SKIPPED = (tarfile.DIRTYPE, tarfile.XGLTYPE)
_LONGEST_HEADER = 65_536  # bytes, of what stands before a member whose name is long
_LENGTH = re.compile(rb"(\d{1,5}) ")


class Member(NamedTuple):
    """A member's name, and the place and number of its bytes in the file."""

    name: str
    offset: int
    size: int


class Put(Protocol):
    """Adds a member."""

    def __call__(self, name: str, content: bytes) -> None:
        """Add these bytes under a name."""


@contextmanager
def writing_tar(path: str | Path) -> Iterator[Put]:
    """Yield what adds a member to a new tar file, which is there once the block has succeeded."""
    with (
        atomic_file(path) as temporary,
        tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar,
    ):

        def put(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)  # mtime 0, no owner
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

        yield put


def read_members(file: BinaryIO) -> Iterator[Member]:
    """Yield the members of a tar file that `writing_tar` wrote.

    Header by header: tarfile's own iteration follows extensions (longer names, sparse files, pax)
    that no such file has, and that a hostile one nests and sizes at will.

    Raises:
        tarfile.TarError, ValueError: anything but regular files that lie there whole.
    """
    for header, start in _headers(file, _FILES[:1], "ascii", "strict"):
        yield Member(header.name, start, header.size)


def read_foreign_members(file: BinaryIO) -> Iterator[Member]:
    """Yield the regular files in a tar file of any writer, their names as the system has them.

    A file's second name (a hard link) is a member of the same place. Folders are passed over. Of
    the extensions only those are followed by which writers spell long names.

    Raises:
        tarfile.TarError, ValueError: symbolic links, devices, or what does not lie there whole.
    """
    places: dict[str, tuple[int, int]] = {}
    long: dict[bytes, str] = {}  # what extensions say of the next member
    types = _FILES + _EXTENSIONS + _SKIPPED + (tarfile.LNKTYPE,)
    for header, start in _headers(file, types, sys.getfilesystemencoding(), "surrogateescape"):
        if header.type in _EXTENSIONS:
            long |= _long_names(file, header, start)
            continue
        name = long.get(b"path") or header.name
        if header.type in _FILES:
            places[name] = start, header.size
        elif header.islnk():
            target = long.get(b"linkpath") or header.linkname
            if target not in places:
                raise ValueError(f"{name!r} is a link to {target!r}, which is no file before it")
            places[name] = places[target]
        if header.type not in _SKIPPED:
            yield Member(name, *places[name])
        if header.type != tarfile.XGLTYPE:  # which is of no member
            long = {}


def _headers(
    file: BinaryIO, types: tuple[bytes, ...], encoding: str, errors: str
) -> Iterator[tuple[tarfile.TarInfo, int]]:
    """Yield each member's header, of these types only, and where its bytes start."""
    end = os.fstat(file.fileno()).st_size
    while (block := file.read(tarfile.BLOCKSIZE)) != bytes(tarfile.BLOCKSIZE):
        header = tarfile.TarInfo.frombuf(block, encoding, errors)
        if header.type not in types:
            hint = (
                ", a link, for which `tar --dereference` packs the file" if header.issym() else ""
            )
            raise ValueError(f"{header.name!r} is no regular file{hint}")
        if header.islnk():
            header.size = 0  # whatever it says
        start = file.tell()
        if not 0 <= header.size <= end - start:
            raise ValueError(f"{header.name!r} is cut short")
        yield header, start
        file.seek(start + -(-header.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
    _refuse_more(file)


def _refuse_more(file: BinaryIO) -> None:
    """Refuse anything but zeros behind the end: of tar files that were put one behind the other."""
    while rest := file.read(2**20):
        if rest.strip(b"\0"):
            raise ValueError("more follows its end, for which `tar --concatenate` joins tar files")


def _long_names(file: BinaryIO, header: tarfile.TarInfo, start: int) -> dict[bytes, str]:
    """Return what an extension says of the next member: its `path`, its `linkpath`."""
    if header.size > _LONGEST_HEADER:
        raise ValueError(f"{header.name!r} is too long")
    content = os.pread(file.fileno(), header.size, start)
    if key := _GNU_NAMES.get(header.type):
        return {key: os.fsdecode(content.split(b"\0")[0])}
    records = dict(_records(content))
    if b"size" in records or any(key.startswith(b"GNU.sparse.") for key in records):
        raise ValueError(f"{header.name!r} is of a file that does not lie there as it is")
    names = _GNU_NAMES.values()
    return {key: os.fsdecode(value) for key, value in records.items() if key in names}


def _records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of pax records, `LENGTH KEY=VALUE`: any byte may be in a value."""
    at = 0
    while at < len(content) and content[at]:  # some writers fill up with zeros
        found = _LENGTH.match(content, at)
        end = at + int(found[1]) if found else 0
        if not found or not found.end() < end <= len(content) or content[end - 1 : end] != b"\n":
            raise ValueError("a damaged record stands before a member")
        key, _, value = content[found.end() : end - 1].partition(b"=")
        yield key, value
        at = end
