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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.disk_errors import disk_is_full, disk_is_gone
from iscqk.formats.locks import lock, unlock
from iscqk.formats.path_checks import (
    linked,
    refuse_missing,
    refuse_mounted,
    refuse_name,
    refuse_unwritable,
    temporary_of,
)
from iscqk.formats.permissions import give_permissions
from iscqk.formats.printable_names import printable

# What to do where the system does not let a name be taken.
_REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "make its folder writable"),
    **dict.fromkeys((errno.EBUSY, errno.EXDEV), "name another, as this is a mount point"),
}
# A process whose Snakemake was killed ends within seconds of it (iscqk.runtime.following).
_WAIT_SECONDS = 30.0
_MOMENT_SECONDS = 5.0  # for who looks at a terminal


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    On an error the temporary file is removed and what stood at `path` before is untouched. Its name
    is always the same, so that what a killed job left behind goes when the job is run again. It is
    locked: whoever puts another file in its place, as safetensors' `save_file` does, loses that.

    Raises:
        UserError: the disk is full, the folder cannot be written, or another process is at it.
    """
    refuse_name(Path(path))
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
    refuse_name(Path(folder), is_folder=True)
    refuse_mounted(folder, "name a folder in it")
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
