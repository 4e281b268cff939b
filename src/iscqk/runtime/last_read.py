"""How long processes that read images are waited for: as long as any of them reads some."""

import multiprocessing
import time

from iscqk.runtime import shutdown


class LastRead:
    """When one of several processes last read an image; they have it from their start on."""

    def __init__(self) -> None:
        """Count from now on."""
        self._at = multiprocessing.RawValue("d", time.monotonic())  # a clock that processes share

    def note(self) -> None:
        """Say that an image has been read."""
        self._at.value = time.monotonic()

    def seconds_left(self, asked: float = 0) -> float:
        """Return for how long to wait on, for what was asked for then; none are left: it hangs."""
        left: float = max(asked, self._at.value) + shutdown.PATIENCE_SECONDS - time.monotonic()
        return left
