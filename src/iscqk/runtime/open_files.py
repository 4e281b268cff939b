"""How many files a process may have open."""

import sys
from contextlib import suppress

_ENOUGH = 65_536


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
