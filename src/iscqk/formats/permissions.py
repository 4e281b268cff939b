"""Who may read and write a file that takes the name of another: those who might before.

That is a courtesy, and no reason to lose what took hours to make: a Windows disk under WSL, a share
or a stick lets nobody change permissions, and has its own for every file.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

_UMASK = os.umask(0)
os.umask(_UMASK)  # it cannot be asked for without being set
_MODE = 0o666 & ~_UMASK


def give_permissions(temporary: Path, path: Path) -> None:
    """Give a file or folder the group and mode of what lies at `path`; who wrote it may again.

    Where nothing lies there yet, a file gets the mode of any new one: what a library has put there
    may be for its owner alone. Where the system refuses, it stays as it is.
    """
    if path.exists():
        before = path.stat()
        mode = stat.S_IMODE(before.st_mode) | stat.S_IWUSR
        if not _belongs_to(before.st_gid, temporary):
            # Its group is new to it, and the group of before is now among all others: each may do
            # what both might, so that nobody may read it who might not before.
            both = mode >> 3 & mode & 0o7
            mode = mode & stat.S_IRWXU | both << 3 | both
    elif temporary.is_dir():
        return
    else:
        mode = _MODE
    with suppress(OSError):
        temporary.chmod(mode)


def _belongs_to(group: int, temporary: Path) -> bool:
    """Hand a file or folder to a group; False where this user may not."""
    if temporary.stat().st_gid != group:
        with suppress(OSError):
            os.chown(temporary, -1, group)
    return temporary.stat().st_gid == group
