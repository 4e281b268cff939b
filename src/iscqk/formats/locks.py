"""Locks on files and folders: two processes do not write one thing together.

A lock ends with the process that has it, however that ends.
"""

import fcntl
import os
import time
from pathlib import Path

from iscqk.errors import UserError


def lock(path: Path, seconds: float, folder: bool = False) -> int:
    """Make a file or folder, and that it lies in, if need be, and lock it.

    Returns:
        its open descriptor, for `unlock`.

    Raises:
        UserError: another process has it for longer than some seconds, or as `make_way`.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not make_way(path):
            time.sleep(0.2)
            continue
        (path if folder else path.parent).mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # another process has just renamed or removed its folder
            time.sleep(0.01)
            continue
        if _is_locked(descriptor) and _stands_for(path, descriptor):
            return descriptor
        os.close(descriptor)
        time.sleep(0.2)
    raise UserError(
        f"{path}: another process is writing it; wait for that or end it, "
        "then run the same command again"
    )


def make_way(path: Path) -> bool:
    """Remove another user's temporary file or folder that a kill has left; False while it is used.

    What this process may write itself stays, for it to go on with.

    Raises:
        UserError: it is in the way, and cannot be removed.
    """
    is_foreign = os.path.exists(path) and not os.access(path, os.W_OK)
    if not is_foreign or not os.access(path.parent, os.W_OK | os.X_OK):
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (path.rmdir if path.is_dir() else path.unlink)()
        finally:
            os.close(descriptor)
    except BlockingIOError:
        return False
    except FileNotFoundError:  # it has just got its name
        pass
    except OSError as error:
        what = f"another user's, and cannot be removed ({error.strerror})"
        raise UserError(
            f"{path}: {what}; have its owner end what writes it, or remove it"
        ) from None
    return True


def unlock(descriptor: int) -> None:
    """Give up what `lock` returned."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough where a worker holds it too
    except OSError:
        pass
    os.close(descriptor)


def remove_unlocked(path: Path) -> None:
    """Remove a file that a kill may have left, unless another process is writing it just now."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:  # none is there, or it is for others to remove
        return
    if _is_locked(descriptor):
        path.unlink(missing_ok=True)
    unlock(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Lock a file; False if another process has. Where nothing can be locked, go without."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _stands_for(path: Path, descriptor: int) -> bool:
    """Return whether a path is what is open: its last owner may have renamed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
