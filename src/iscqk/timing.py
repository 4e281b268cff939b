"""How fast one way is beside another."""

import time
from collections.abc import Callable, Hashable, Mapping
from statistics import median
from typing import TypeVar

Way = TypeVar("Way", bound=Hashable)

# A way whose turns have taken this long gets no more of them, in seconds.
_ENOUGH = 30.0


def take_turns(ways: Mapping[Way, Callable[[], float]], repeats: int) -> dict[Way, float]:
    """Return the median of what each way finds; they take turns, so that all meet the same load."""
    found: dict[Way, list[float]] = {way: [] for way in ways}
    spent = dict.fromkeys(ways, 0.0)
    for _ in range(repeats):
        for way, run in ways.items():
            if spent[way] < _ENOUGH:
                start = time.perf_counter()
                found[way].append(run())
                spent[way] += time.perf_counter() - start
    return {way: median(values) for way, values in found.items()}


def per_second(count: int, run: Callable[[], object]) -> float:
    """Return how many of the `count` things that `run` does it does in a second."""
    start = time.perf_counter()
    run()
    return count / (time.perf_counter() - start)
