"""Locks that a killed Snakemake leaves in a folder: the next one there removes them itself.

Snakemake's are files. Where it is killed or the power fails they stay, and whoever runs the same
command again is asked for `--unlock`. A lock of the system's ends with the process that has it.
"""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

RUNNING = Path(".snakemake/running")  # locked by all that run here; names their machines
LOCKS = Path(".snakemake/locks")


def remove_left_locks() -> bool:
    """Remove Snakemake's locks in the working directory if none of those that made them lives.

    Until this process ends others are told that it runs here. Of what ran on another machine, which
    may share the disk, and before there was such a file, nobody knows whether it still does: its
    locks stay, as those of `jobs_outlive_this`.

    Returns:
        whether there were any.
    """
    try:
        file = _open()
    except PermissionError:
        _hold_anothers()
        return False
    except OSError:  # whether there is room is for others to tell
        return False
    here, removed = f"{os.uname().nodename}\n".encode(), False
    try:
        if _is_alone(file):
            are_left = LOCKS.is_dir() and any(LOCKS.iterdir())
            ran = set(os.read(file, os.fstat(file).st_size).splitlines(keepends=True))
            if are_left and ran == {here}:
                shutil.rmtree(LOCKS)
                removed = True
            if removed or not are_left:
                os.truncate(file, 0)
        os.write(file, here)
        fcntl.flock(file, fcntl.LOCK_SH)  # the file stays open; jobs do not inherit it
    except OSError:  # a disk that knows no locks, or is full
        os.close(file)
    return removed


def jobs_outlive_this() -> None:
    """Leave this run's locks to people if it is killed: its jobs go on elsewhere."""
    with suppress(OSError):
        file = _open()
        os.write(file, b"jobs elsewhere\n")
        os.close(file)


def _open() -> int:
    RUNNING.parent.mkdir(exist_ok=True)
    return os.open(RUNNING, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)


def _hold_anothers() -> None:
    """Let the user whose file it is know that another runs here, where that may be read alone."""
    with suppress(OSError):
        fcntl.flock(os.open(RUNNING, os.O_RDONLY), fcntl.LOCK_SH)  # it stays open


def _is_alone(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
