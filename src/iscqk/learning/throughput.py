"""How fast training goes, and what it waits for."""

import time
from collections.abc import Iterable, Iterator

from torch import Tensor


class Throughput:
    """Batches as they come, timed: how many a second, and the share of time spent waiting."""

    def __init__(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self._batches = batches
        self._start = self._waited = 0.0
        self._taken = 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches; the clock starts with the first, when all workers are up."""
        batches = iter(self._batches)
        batch = next(batches, None)
        self._start = time.monotonic()
        while batch is not None:
            self._taken += 1
            yield batch
            asked = time.monotonic()
            batch = next(batches, None)
            self._waited += time.monotonic() - asked

    def read(self) -> tuple[float, float]:
        """Return steps a second, the present one included, and the share of time waited."""
        passed = max(time.monotonic() - self._start, 1e-9)
        return self._taken / passed, self._waited / passed
