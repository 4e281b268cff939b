"""Standard output, which may go where nothing more is taken."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class OutputLost(Exception):
    """Standard output takes no more; `reason` is the system's error."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


class Output:
    """Standard output, whose errors are told from those of other files and of workers."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper):  # any name of a file can be printed, in any locale
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write a text; OutputLost where it is not taken."""
        with self._watched():
            return self._stream.write(text) if self._stream else len(text)

    def flush(self) -> None:
        """Bring on its way what was written; OutputLost where it is not taken."""
        with self._watched():
            if self._stream:  # none where a shell has closed it
                self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputLost(error) from error
