"""Threads that compute, each a task of its own, so that none waits for another within a task."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Task = TypeVar("Task")
Result = TypeVar("Result")

_here = threading.local()


class GivenUp(BaseException):
    """Nobody waits any more for what this thread computes."""


@contextmanager
def computing_threads(count: int, each: int = 1) -> Iterator[ThreadPoolExecutor]:
    """Yield `count` threads, in each of which torch computes with `each` of its own.

    At the end, an early one too, what is under way is waited for, up to where it looks whether to
    `go_on`, and what waits is left undone. A process that is forked then may compute at once.
    """
    before = torch.get_num_threads()
    given_up = threading.Event()
    begun: list[int] = []

    def begin() -> None:
        torch.set_num_threads(each)
        _here.given_up = given_up
        begun.append(threading.get_native_id())

    pool = ThreadPoolExecutor(count, initializer=begin)
    try:
        yield pool
    finally:
        given_up.set()
        pool.shutdown(cancel_futures=True)
        _wait_until_gone(begun)
        torch.set_num_threads(before)


def _wait_until_gone(threads: Iterable[int]) -> None:
    """Wait until the system has ended threads of this process that Python has joined.

    As one ends, MKL takes its memory back, under a lock that a process forked just then finds taken
    for ever: it would hang in its first product of matrices.
    """
    for thread in threads:
        while os.path.exists(f"/proc/self/task/{thread}"):
            time.sleep(0.0001)


def go_on() -> None:
    """Raise GivenUp in a thread of `computing_threads` that has come to an early end.

    For tasks of seconds, between parts of them: a signal waits for what is under way.
    """
    given_up = getattr(_here, "given_up", None)
    if given_up is not None and given_up.is_set():
        raise GivenUp


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
