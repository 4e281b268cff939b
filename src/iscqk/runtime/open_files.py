"""What files a process has open from its start on, and how many it may have."""

import io
import os
import sys
from contextlib import suppress

_ENOUGH = 65_536


def open_closed_streams() -> None:
    """Open to nowhere those standard streams that the starter has closed, as some daemons do.

    The next file that is opened would have their number, and get what any library writes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the lowest that is free is the one that is opened
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(io.FileIO(os.devnull, "w"))


def allow_open_files() -> None:
    """Let this process, and those that it starts, have as many files open as they may.

    A bank or copies in hundreds of shards are open all at once, and a shell allows 1,024 or, on
    macOS, 256, unless it is asked.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with suppress(OSError, ValueError):  # macOS allows fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
