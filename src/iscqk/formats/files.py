"""Writing files so that a name never stands for half a file, whatever ends the writing.

A file is written beside its name, brought to the disk and renamed: after a kill or a power loss
the name stands for all of it or for what was there before. What is half written is locked, so that
two processes cannot write it together: a run that was killed may leave one of its own behind. A
link stays one: what it leads to is written.
"""

import errno
import hashlib
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from iscqk.errors import UserError, escaped
from iscqk.formats.disk_errors import disk_is_full, disk_is_gone, is_barred, remedy_of_barred
from iscqk.formats.locks import lock, make_way, unlock
from iscqk.formats.mounts import is_mount_point
from iscqk.formats.permissions import give_permissions

# What to do where the system does not let a name be taken.
_REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "make its folder writable"),
    **dict.fromkeys((errno.EBUSY, errno.EXDEV), "name another, as this is a mount point"),
}
# A process whose Snakemake was killed ends within seconds of it (iscqk.runtime.following).
_WAIT_SECONDS = 30.0
_MOMENT_SECONDS = 5.0  # for who looks at a terminal
_LONGEST_NAME = 255 - len("..part")  # bytes; 255 is what file systems take
# Halves of characters, which Python's text may hold, but those that stand for bytes.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_IS_UTF8 = sys.getfilesystemencoding() == "utf-8"


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    On an error the temporary file is removed and what stood at `path` before is untouched. Its name
    is always the same, so that what a killed job left behind goes when the job is run again. It is
    locked: whoever puts another file in its place, as safetensors' `save_file` does, loses that.

    Raises:
        UserError: the disk is full, the folder cannot be written, or another process is at it.
    """
    _refuse_name(Path(path))
    path = linked(path)
    temporary = temporary_of(path)
    with _told(path):
        with _alone(temporary, folder=False):
            yield temporary
            give_permissions(temporary, path)
            sync_to_disk(temporary)
            temporary.replace(path)
            sync_to_disk(path.parent)


@contextmanager
def atomic_folder(folder: str | Path) -> Iterator[Path]:
    """Yield a temporary folder; it becomes `folder`, with all its files, if the block succeeds.

    Raises:
        UserError: there are files in `folder` already, it is a mount point, or as `atomic_file`.
    """
    _refuse_name(Path(folder), is_folder=True)
    _refuse_mounted(folder, "name a folder in it")
    folder = linked(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: not empty; remove what is in it or name another")
    temporary = temporary_of(folder, is_folder=True)
    with _told(folder):
        with _alone(temporary, folder=True):
            for left_over in temporary.iterdir():
                _remove(left_over)
            yield temporary
            give_permissions(temporary, folder)
            os.sync()  # once for all files: one by one, thousands of them would take minutes
            temporary.replace(folder)
            sync_to_disk(folder.parent)


def temporary_of(path: Path, is_folder: bool = False) -> Path:
    """Return where a file or folder is until it takes its name; a kill may leave it there."""
    return path.with_name(f".{path.name}.part" if is_folder else f".{path.stem}.part{path.suffix}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextmanager
def exclusive(path: str | Path) -> Iterator[None]:
    """Let no other process write `path` meanwhile; for work whose result takes long to make.

    Raises:
        UserError: it cannot be written, or another process is at it for longer than a moment.
    """
    refuse_unwritable(path)
    path = linked(path)
    beside, is_new = path.with_name(f".{path.name}.lock"), not path.parent.exists()
    try:
        with _told(path):
            descriptor = lock(beside, _MOMENT_SECONDS)
        try:
            yield
        finally:
            beside.unlink(missing_ok=True)
            unlock(descriptor)
    finally:
        if is_new:
            with suppress(OSError):  # a folder that holds what was made stays
                path.parent.rmdir()


def refuse_unwritable(path: str | Path, is_folder: bool = False) -> None:
    """Raise UserError where a file of this path, or one in it, cannot be written.

    For a look before the work. What another user's run has left of it goes.
    """
    folder = _refuse_name(Path(path), is_folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{printable(path)}: cannot be written; make its folder writable")
    if not is_folder:
        _refuse_anothers(path)
        make_way(temporary_of(linked(path)))


def _refuse_anothers(path: str | Path) -> None:
    """Refuse another user's file in a folder as /tmp, where each replaces only their own."""
    file = linked(path)
    user = os.geteuid()
    if not user or not file.exists() or not file.parent.stat().st_mode & stat.S_ISVTX:
        return
    if user not in (file.stat().st_uid, file.parent.stat().st_uid):
        what = "another user's, which nobody else can replace in this folder; name another"
        raise UserError(f"{printable(path)}: {what}")


def linked(path: str | Path) -> Path:
    """Return the path that a link leads to, beside which all else of the file lies; else itself."""
    return Path(os.path.realpath(path) if os.path.islink(path) else path)


def refuse_missing(path: str | Path) -> None:
    """Raise UserError where there is no such file, or it may not be read."""
    if is_barred(path):
        what = f"cannot be read (Permission denied); {remedy_of_barred(path)}"
        raise UserError(f"{printable(path)}: {what}")
    if not os.path.isfile(path):
        os.path.abspath(path)  # FileNotFoundError where the folder that this runs in is gone
        is_other = os.path.exists(path)
        what = f"{_kind_of(path)}; name a file" if is_other else "no such file; check the path"
        raise UserError(f"{printable(path)}: {what}")


def _kind_of(path: str | Path) -> str:
    """Return what is there that is no file."""
    return "a folder" if os.path.isdir(path) else "a device or a pipe, no file"


def _refuse_name(path: Path, is_folder: bool = False) -> Path:
    """Refuse a name that no file can be written under; return the first folder there is above it.

    Of a folder that may be itself.

    Raises:
        UserError: something else than a file lies there, which would be replaced or cannot be; one
            of the folders above it is a file, or a link to nothing; it is too long, with what is
            put before it meanwhile, or has characters that no file's name has.
    """
    _refuse_characters(path)
    is_fit = os.path.isfile(path) or (is_folder and os.path.isdir(path))  # a file is told below
    # A name in /dev is refused whatever it stands for: /dev/stdout may be a link to a file.
    is_device = os.path.realpath(path if is_folder else path.parent) == "/dev"
    if is_device or (os.path.exists(path) and not is_fit):
        wanted = "folder" if is_folder else "file"
        raise UserError(f"{printable(path)}: {_kind_of(path)}; name a {wanted} to write")
    if not is_folder:  # files can be written to a folder that is one
        _refuse_mounted(path, "mount its folder, or name another file")
    if len(os.fsencode(linked(path).name)) > _LONGEST_NAME:
        what = f"a name of over {_LONGEST_NAME} bytes; name a shorter one"
        raise UserError(f"{printable(path)}: {what}")
    return _folder_above(path, is_folder)


def _refuse_characters(path: Path) -> None:
    try:
        is_fit = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        is_fit = False
    if not is_fit:
        what = "has characters that no file's name can have; name another"
        raise UserError(f"{printable(path)}: {what}")


def _refuse_mounted(path: str | Path, remedy: str) -> None:
    """Refuse a file or folder that is a mount point, which nothing can replace."""
    if os.path.exists(path) and is_mount_point(path):
        raise UserError(f"{printable(path)}: a mount point, which cannot be replaced; {remedy}")


def _folder_above(path: Path, is_folder: bool) -> Path:
    """Return the first folder there is above a path, or of a folder itself."""
    above = path.absolute() if is_folder else linked(path).absolute().parent
    there = next(place for place in [above, *above.parents] if os.path.lexists(place))
    for link, place in ((path, above), (there, there)):
        if os.path.islink(link) and not os.path.exists(place):
            raise _leads_nowhere(link)
    if not os.path.isdir(there):
        raise UserError(f"{printable(there)}: a file; name a folder to write to, or remove it")
    return there


def _leads_nowhere(link: Path) -> UserError:
    where = printable(os.path.realpath(link))
    return UserError(f"{printable(link)}: a link to {where}; make its folder, or remove the link")


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, atomically; names of files that are not get escapes."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_content(path: str | Path, content: bytes) -> None:
    """Write `content` to `path`, atomically."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def unchanged(path: str | Path) -> Iterator[str]:
    """Yield the SHA-256 of a file that the block reads, so that the two are of one content.

    Raises:
        UserError: it was changed or replaced meanwhile, or as `refuse_missing`.
    """
    refuse_missing(path)
    digest = sha256_of(path)
    yield digest
    if sha256_of(path) != digest:
        raise UserError(
            f"{printable(path)}: changed while it was read; run the same command again once "
            "nothing writes it"
        )


def utf8(name: str | Path) -> str:
    """Return a file's name, with an escape for each byte that is not UTF-8, or half character."""
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:  # text that this locale's file names cannot be, or nobody's
        text = _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", str(name))
        raw = text.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")


def as_path(text: str) -> str:
    """Return the path that was written as `text` by `utf8`, as this locale's Python has it."""
    return text if _IS_UTF8 else os.fsdecode(text.encode("utf-8", "surrogateescape"))


def printable(name: str | Path) -> str:
    """Return a file's name as one printable line of UTF-8, for a message or a page."""
    return escaped(utf8(name))


def sync_to_disk(path: Path) -> None:
    """Wait until the disk holds a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of a folder on some file systems
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _alone(temporary: Path, folder: bool) -> Iterator[None]:
    """Make and lock a temporary file or folder; remove it if the block fails."""
    descriptor = lock(temporary, _WAIT_SECONDS, folder)
    try:
        yield
    except BaseException:
        if folder:
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
        raise
    finally:
        unlock(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in a line what stands in the way of writing `path`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        number = _number(error)
        if line := disk_is_full(number) or disk_is_gone(number):
            raise UserError(f"{path}: {line}") from error
        if number == errno.ENAMETOOLONG:
            raise UserError(f"{path}: too long a path; name a shorter one") from error
        if number in _REMEDIES and _is_about(error, path):
            what = f"cannot be written ({os.strerror(number)}); {_REMEDIES[number]}"
            raise UserError(f"{path}: {what}") from error
        raise


def _number(error: Exception) -> int:
    """Return an error's errno; HDF5 and safetensors have it in their text only. 0: none."""
    found = re.search(r"(?:errno = |os error )(\d+)", str(error))
    return getattr(error, "errno", None) or (int(found[1]) if found else 0)


def _is_about(error: Exception, path: Path) -> bool:
    """Return whether an error came of writing `path`, not of reading something else."""
    name = getattr(error, "filename", None)
    places = (temporary_of(path), temporary_of(path, is_folder=True), *path.parents)
    return name is not None and Path(os.fsdecode(name)) in places
