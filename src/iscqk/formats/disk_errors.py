"""Errors of the system that say nothing of the file by which they are met."""

import errno
import os
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ALL_OPEN = {errno.EMFILE, errno.ENFILE}
_GONE = {errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO}


def disk_is_full(number: int | None) -> str | None:
    """Return what to say of an error by which a disk takes no more, None of others."""
    if number not in _FULL:
        return None
    return (
        "no space left to write it (disk full, quota or size limit); free some, then run the same "
        "command again"
    )


def disk_is_gone(number: int | None) -> str | None:
    """Return what to say of an error by which a disk has failed or left, None of others."""
    if number is None or number not in _GONE:
        return None
    return (
        f"the disk does not answer ({os.strerror(number)}), as when it fails or a network's is "
        "gone; see to it, then run the same command again"
    )


def is_barred(path: str | Path) -> bool:
    """Return whether somebody lets us not read a file, or not see it: its folder is closed to us.

    It may be there or not, and `os.path.exists` takes it for absent.
    """
    try:
        os.stat(path)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return not os.access(path, os.R_OK)


def remedy_of_barred(path: str | Path) -> str:
    """Return what to do about a file that may not be read."""
    what = "it readable" if os.path.exists(path) else "its folder readable (chmod +rx)"
    return f"make {what}"


def all_files_are_open(error: Exception) -> bool:
    """Return whether no more files may be open, which `runtime.shutdown` tells of."""
    return isinstance(error, OSError) and error.errno in _ALL_OPEN
