"""Writing files so that a name never stands for half a file, whatever ends the writing.

A file is written beside its name, brought to the disk and renamed: after a kill or a power loss
the name stands for all of it or for what was there before. What is half written is locked, so that
two processes cannot write it together: a run that was killed may leave one of its own behind.
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iscqk.errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_GONE = {errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
# A process whose Snakemake was killed ends within seconds of it (iscqk.ending).
_WAIT_SECONDS = 30.0

_UMASK = os.umask(0)
os.umask(_UMASK)  # it cannot be asked for without being set
_MODE = 0o666 & ~_UMASK


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    On an error the temporary file is removed and what stood at `path` before is untouched. Its name
    is always the same, so that what a killed job left behind goes when the job is run again.

    Raises:
        UserError: the disk is full, the folder cannot be written, or another process is at it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(temporary, folder=False):
            yield temporary
            temporary.chmod(_MODE)  # safetensors makes files that only their owner may read
            to_disk(temporary)
            temporary.replace(path)
            to_disk(path.parent)


@contextmanager
def filling(folder: str | Path) -> Iterator[Path]:
    """Yield a temporary folder; it becomes `folder`, with all its files, if the block succeeds.

    Raises:
        UserError: there are files in `folder` already, or as `replacing` does.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: not empty; remove what is in it or name another")
    temporary = folder.with_name(f".{folder.name}.part")
    with _told(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(temporary, folder=True):
            for left_over in temporary.iterdir():
                left_over.unlink()
            yield temporary
            os.sync()  # once for all files: one by one, thousands of them would take minutes
            temporary.replace(folder)
            to_disk(folder.parent)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, atomically; names of files that are not get escapes."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def utf8(name: str | Path) -> str:
    """Return a file's name, with an escape for each byte that is not UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def shown(name: str | Path) -> str:
    """Return a file's name as one line of UTF-8, for a message."""
    return utf8(name).replace("\n", "\\n").replace("\r", "\\r")


def to_disk(path: Path) -> None:
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
    descriptor = _locked(temporary, folder)
    try:
        yield
    except BaseException:
        if folder:
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
        raise
    finally:
        _unlock(descriptor)


def _locked(temporary: Path, folder: bool) -> int:
    """Return an open descriptor of what is at `temporary`, made if need be, with its lock."""
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        if folder:
            temporary.mkdir(exist_ok=True)
        try:
            descriptor = os.open(
                temporary, os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT, 0o666
            )
        except FileNotFoundError:  # another process has just renamed its folder
            continue
        if _lock(descriptor) and _stands_for(temporary, descriptor):
            return descriptor
        os.close(descriptor)
        time.sleep(0.2)
    raise UserError(
        f"{temporary}: another process is writing it; wait for that or end it, "
        "then run the same command again"
    )


def _lock(descriptor: int) -> bool:
    """Lock a file; False if another process has. Where nothing can be locked, go without."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _unlock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough where a worker holds it too
    except OSError:
        pass
    os.close(descriptor)


def _stands_for(path: Path, descriptor: int) -> bool:
    """Return whether a path is what is open: its last owner may have renamed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in a line what stands in the way of writing `path`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        number = _number(error)
        if number in _FULL:
            raise UserError(
                f"{path}: no space left to write it (disk full, quota or size limit); "
                "free some, then run the same command again"
            ) from error
        if number in _GONE:
            raise UserError(f"{path}: {disk_is_gone(number)}") from error
        if number in _REFUSED and _is_about(error, path):
            raise UserError(
                f"{path}: cannot be written ({os.strerror(number)}); make its folder writable"
            ) from error
        raise


def disk_is_gone(number: int | None) -> str | None:
    """Return what to say of a system's error by which a disk has failed or left, None of others."""
    if number is None or number not in _GONE:
        return None
    return (
        f"the disk does not answer ({os.strerror(number)}), as when it fails or a network's is "
        "gone; see to it, then run the same command again"
    )


def _number(error: Exception) -> int:
    """Return an error's errno; HDF5 and safetensors have it in their text only. 0: none."""
    found = re.search(r"(?:errno = |os error )(\d+)", str(error))
    return getattr(error, "errno", None) or (int(found[1]) if found else 0)


def _is_about(error: Exception, path: Path) -> bool:
    """Return whether an error came of writing `path`, not of reading something else."""
    name = getattr(error, "filename", None)
    return name is not None and Path(os.fsdecode(name)) in (
        path.with_name(f".{path.stem}.part{path.suffix}"),
        path.with_name(f".{path.name}.part"),
        *path.parents,
    )
