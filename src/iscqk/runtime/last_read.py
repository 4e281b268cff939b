"""How long processes that read images are waited for: as long as any of them reads some."""

import multiprocessing
import time

from iscqk.runtime import shutdown

_SLICE_SECONDS = 5.0


def slice_seconds() -> float:
    """Return for how long to wait at a time, before `LastRead.hangs` is asked."""
    return min(_SLICE_SECONDS, shutdown.PATIENCE_SECONDS)


class LastRead:
    """Whether any of several processes has read an image; they have it from their start on.

    What counts is how often they were waited for in vain, not the clock, which goes on while all of
    them are suspended (Ctrl-Z, `scontrol suspend`, a container that is paused).
    """

    def __init__(self) -> None:
        """Count from now on."""
        self._at = multiprocessing.RawValue("d", time.monotonic())  # a clock that processes share
        self._seen, self._waited = self._at.value, 0.0

    def note(self) -> None:
        """Say that an image has been read."""
        self._at.value = time.monotonic()

    def hangs(self) -> bool:
        """Count a wait in vain; return whether there were too many of them since the last image."""
        seen = self._at.value
        self._waited = self._waited + slice_seconds() if seen == self._seen else 0
        self._seen = seen
        return self._waited >= shutdown.PATIENCE_SECONDS
