"""Who may read and write a file that takes the name of another: those who might before.

That is a courtesy, and no reason to lose what took hours to make: a Windows disk under WSL, a share
or a stick lets nobody change permissions, and has its own for every file. Where an access control
list (acl(5)) says who may, the mode's bits of the group are the most that it lets anyone but the
owner and others do, and not what the group may.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

_UMASK = os.umask(0)
os.umask(_UMASK)  # it cannot be asked for without being set
_MODE = 0o666 & ~_UMASK
_LIST = "system.posix_acl_access"


def give_permissions(temporary: Path, path: Path) -> None:
    """Give a file or folder the group, mode and access control list of what lies at `path`.

    Who wrote it may again. Where nothing lies there yet, a file gets the mode of any new one: what
    a library has put there may be for its owner alone; by its folder's list it has that already.
    Where the system refuses, it stays as it is.
    """
    if path.exists():
        mode = _mode_of(path, temporary)
    elif temporary.is_dir() or _list_of(temporary):
        return
    else:
        mode = _MODE
    with suppress(OSError):
        temporary.chmod(mode)


def _mode_of(path: Path, temporary: Path) -> int:
    """Return the mode that lets nobody do more than before, once group and list are handed over."""
    before, access = path.stat(), _list_of(path)
    mode = stat.S_IMODE(before.st_mode) | stat.S_IWUSR
    is_of_group = _belongs_to(before.st_gid, temporary)
    has_list = _has_list(temporary, access if is_of_group else None)
    if is_of_group:
        return mode if has_list else mode & ~stat.S_IRWXG
    # Its group is new to it, and the group of before is now among all others: each may do
    # what both might, so that nobody may read it who might not before.
    both = mode >> 3 & mode & 0o7 if has_list and not access else 0
    return mode & stat.S_IRWXU | both << 3 | both


def _belongs_to(group: int, temporary: Path) -> bool:
    """Hand a file or folder to a group; False where this user may not."""
    if temporary.stat().st_gid != group:
        with suppress(OSError):
            os.chown(temporary, -1, group)
    return temporary.stat().st_gid == group


def _list_of(path: Path) -> bytes | None:
    """Return the access control list of a file or folder; None where mode and group say all."""
    try:
        return os.getxattr(path, _LIST)
    except (OSError, AttributeError):  # the latter on other systems than Linux
        return None


def _has_list(temporary: Path, access: bytes | None) -> bool:
    """Give a file or folder an access control list, or none; False where the system refuses."""
    with suppress(OSError):
        if access:
            os.setxattr(temporary, _LIST, access)
        elif _list_of(temporary):  # its folder's
            os.removexattr(temporary, _LIST)
    return _list_of(temporary) == access
