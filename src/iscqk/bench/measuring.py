"""What a piece of work takes: seconds, and memory at its peak."""

import ctypes
import gc
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

from iscqk.runtime.logs import progress

Way = TypeVar("Way", bound=Hashable)

_CLEAR = Path("/proc/self/clear_refs")


class Measured(NamedTuple):
    """What a run took: seconds, MiB by which resident memory peaked, and what it found."""

    seconds: float
    extra_mib: float
    found: Any


def take_turns(
    ways: Mapping[Way, Callable[[], object]], repeats: int, enough: float = 30.0
) -> dict[Way, list[Measured]]:
    """Run each way, then each a second time and so on, so that all meet the same load.

    A way whose turns have taken `enough` seconds gets no more of them.
    """
    runs: dict[Way, list[Measured]] = {way: [] for way in ways}
    turns = [*ways.items()] * repeats
    for way, run in progress(turns, len(turns), "measure, turns"):
        if sum(one.seconds for one in runs[way]) < enough:
            runs[way].append(measure(run))
    return runs


def median_seconds(runs: Sequence[Measured]) -> float:
    """Return the median of what runs took."""
    return median([one.seconds for one in runs])


def measure(step: Callable[[], object]) -> Measured:
    """Run a step once. Linux tells the peak of memory since a reset; elsewhere it is NaN."""
    gc.collect()
    if linux := _CLEAR.exists():
        if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
            libc.malloc_trim(0)  # or memory that others left over would hide what a step takes
        _CLEAR.write_text("5")
        before = _status_kib("VmRSS")
    start = time.perf_counter()
    found = step()
    seconds = time.perf_counter() - start
    extra = (_status_kib("VmHWM") - before) / 1024 if linux else float("nan")
    return Measured(seconds, extra, found)


def _status_kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])
