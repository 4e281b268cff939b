"""Threads that compute, each a task of its own, so that none waits for another within a task."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Task = TypeVar("Task")
Result = TypeVar("Result")


@contextmanager
def computing_threads(count: int, each: int = 1) -> Iterator[ThreadPoolExecutor]:
    """Yield `count` threads, in each of which torch computes with `each` of its own.

    At the end, an early one too, what is under way is waited for, and what waits is left undone.
    """
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(each,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


def in_order(
    threads: ThreadPoolExecutor,
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    count: int,
) -> Iterator[Result]:
    """Yield what a function makes of each task, in order, with `count` tasks under way."""
    under_way: deque[Future[Result]] = deque()
    for task in tasks:
        under_way.append(threads.submit(function, task))
        if len(under_way) == count:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()
