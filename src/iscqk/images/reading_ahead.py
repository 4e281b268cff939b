"""Images that are read while torch is being imported, which takes as long as a thousand small ones.

A process of its own reads them until it is stopped. What it has read by then is in memory that this
process and all that it starts share; what it has not, or what has changed since, is read later.
"""

import mmap
import multiprocessing
from collections.abc import Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iscqk.errors import UserError
from iscqk.formats.image_shards import Status, status_of
from iscqk.images.opening import ImageInput
from iscqk.images.squares import Squares, squares_of
from iscqk.runtime.following import become_worker
from iscqk.runtime.workers import are_forked, may_have_workers

MOST_BYTES = 100_000_000  # of pixels
_NOT, _READ, _FLAT = range(3)


class Ahead:
    """The first of many images, as far as they have been read."""

    def __init__(self, paths: Sequence[Path], sides: Sequence[int], trimmed: bool = False) -> None:
        """Begin to read images as `squares_of` has them at `sides`, in order.

        None are read where Python lets this process start no others, or none that share memory.
        """
        self._way = list(sides), trimmed
        shapes = [(1 + trimmed, side, side, 3) for side in sides]
        most = MOST_BYTES // sum(map(prod, shapes)) if _can_fork() else 0
        self._paths = list(dict.fromkeys(map(str, paths[:most])))
        self._rows = {path: row for row, path in enumerate(self._paths)}
        self._files = [_as_it_is(path) for path in self._paths]
        self._state = _shared((len(self._paths),))
        self._pixels = [_shared((len(self._paths), *shape)) for shape in shapes]
        self._process: multiprocessing.Process | None = None
        if self._paths:
            self._process = multiprocessing.Process(target=self._read, daemon=True)
            self._process.start()

    def _read(self) -> None:
        become_worker()
        # Whatever else goes wrong here is met again, and told, by who reads that image then.
        with suppress(Exception):
            for row, path in enumerate(self._paths):
                with suppress(UserError):
                    squares = squares_of(path, *self._way)
                    for kept, pixels in zip(self._pixels, squares.pixels, strict=True):
                        kept[row] = pixels
                    self._state[row] = _FLAT if squares.flat else _READ

    def stop(self) -> None:
        """Read no more."""
        if self._process:
            self._process.kill()
            self._process.join()

    def find(self, path: ImageInput, sides: Sequence[int], trimmed: bool = False) -> Squares | None:
        """Return an image if it has been read in this way, and has not changed since."""
        row = self._rows.get(str(path)) if isinstance(path, str | Path) else None
        if row is None or self._state[row] == _NOT or (list(sides), trimmed) != self._way:
            return None
        if _as_it_is(str(path)) != self._files[row]:
            return None
        return Squares([kept[row] for kept in self._pixels], bool(self._state[row] == _FLAT))


def _can_fork() -> bool:
    return may_have_workers() and are_forked()


def _as_it_is(path: str) -> Status | None:
    try:
        return status_of(path)
    except OSError:
        return None


def _shared(shape: tuple[int, ...]) -> NDArray[Any]:
    """Return zeros, uint8, that processes share; what is not written takes no memory."""
    memory = mmap.mmap(-1, max(1, prod(shape)))
    return np.frombuffer(memory, np.uint8, prod(shape)).reshape(shape)
