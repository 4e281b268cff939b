"""Copies per second, beside the plain loop that makes them and what a second process can give."""

import collections
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pandas as pd

from iscqk.bench.augly_loop import Recipe, copy_plainly, recipe
from iscqk.bench.measuring import median_seconds, take_turns
from iscqk.images.copier import Copier, Task

PLAIN, OURS, CEILING = "plain AugLy loop", "iscqk copies", "pure Python, the ceiling"
_ROUNDS = 2_000_000  # of a pure Python loop: some tenths of a second


def compare_copies(
    copier: Copier, tasks: Sequence[Task], workers: int, repeats: int
) -> pd.DataFrame:
    """Return how fast copies are made by a plain loop, by one process and by `workers`.

    The plain loop runs in one process and is told its edits; ours also draws them. Columns: `way`,
    `workers`, `per_second`, `times_plain`, and `times_one_worker` of the same way. The ceiling is
    a loop that shares nothing and hardly touches memory: what it gains by more processes is what
    the machine's cores have to give.
    """
    runs = take_turns(_ways(copier, tasks, workers), repeats)
    rates = {
        (way, count): (count if way == CEILING else len(tasks)) / median_seconds(measured)
        for (way, count), measured in runs.items()
    }
    return pd.DataFrame(
        {
            "way": way,
            "workers": count,
            "per_second": rate,
            "times_plain": None if way == CEILING else rate / rates[PLAIN, 1],
            "times_one_worker": rate / rates[way, 1],
        }
        for (way, count), rate in rates.items()
    )


def _ways(
    copier: Copier, tasks: Sequence[Task], workers: int
) -> dict[tuple[str, int], Callable[[], None]]:
    """Return what to measure, by way and number of processes."""
    recipes = [recipe(copier, task) for task in tasks]  # imports AugLy and reads its fonts, too
    ways: dict[tuple[str, int], Callable[[], None]] = {
        (PLAIN, 1): partial(_copy_plainly, copier, recipes)
    }
    for count in sorted({1, workers}):
        ways[OURS, count] = partial(_copy, copier, tasks, count)
        ways[CEILING, count] = partial(_count_in_processes, count)
    return ways


def _copy_plainly(copier: Copier, recipes: Sequence[Recipe]) -> None:
    for one in recipes:
        copy_plainly(one, copier.side, copier.quality)


def _copy(copier: Copier, tasks: Sequence[Task], workers: int) -> None:
    collections.deque(copier.copies(tasks, len(tasks), workers), maxlen=0)


def _count_in_processes(workers: int) -> None:
    with ProcessPoolExecutor(workers) as executor:
        collections.deque(executor.map(_count, [_ROUNDS] * workers), maxlen=0)


def _count(rounds: int) -> int:
    total = 0
    for number in range(rounds):
        total += number & 7
    return total
