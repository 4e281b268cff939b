"""When long work keeps what there is of it, for an end that leaves no time to do so."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 60.0  # at most, between two times; more where it takes long to keep

_kept: bool | None = False


class Keeping:
    """When to keep something again: every minute, and for no more than a twentieth of the time."""

    def __init__(self) -> None:
        """Count from now on."""
        self._since = time.monotonic()

    def is_due(self) -> bool:
        """Return whether it is time to keep it."""
        return time.monotonic() > self._since + SECONDS

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Keep it in this block, and count from its end on."""
        start = time.monotonic()
        yield
        self._since = time.monotonic() + 20 * (time.monotonic() - start)


def note_kept() -> None:
    """Say that this process has kept something from which the same command goes on."""
    global _kept
    _kept = True


def leave_to_others() -> None:
    """Say that processes that this one starts do the work, and know what is kept of it."""
    global _kept
    _kept = None


def is_anything_kept() -> bool | None:
    """Return whether this process has kept anything; None where others know."""
    return _kept
