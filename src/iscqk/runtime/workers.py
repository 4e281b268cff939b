"""Worker processes: the same function of many things, and what becomes of it if one is lost."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from iscqk.errors import UserError
from iscqk.runtime import shutdown
from iscqk.runtime.following import become_worker
from iscqk.runtime.last_read import LastRead, slice_seconds

_GUARD = 'put what a script of your own does under `if __name__ == "__main__":`'

Task = TypeVar("Task")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: int,
    together: int,
) -> Iterator[Result]:
    """Yield `function` of each task, in order, found by worker processes.

    No more tasks are taken than keep the workers busy, so that millions need no memory. Where there
    may be no workers this process does all itself.

    Args:
        function: goes to each worker once, with what it is bound to, and not with each task.
        tasks: what it takes.
        workers: how many processes.
        together: tasks that are sent to a worker at a time.

    Raises:
        UserError: a worker was killed, or none has done a task for `shutdown.PATIENCE_SECONDS`.
    """
    if not may_have_workers():
        yield from map(function, tasks)
        return
    last = LastRead()
    pool = ProcessPoolExecutor(workers, initializer=_start, initargs=(last, function))
    under_way: deque[Future[list[Result]]] = deque()
    left = iter(tasks)
    try:
        while chunk := list(islice(left, together)):
            under_way.append(_submitted(pool, chunk))
            if len(under_way) > 4 * workers:
                yield from _result(under_way.popleft(), last)
        while under_way:
            yield from _result(under_way.popleft(), last)
        pool.shutdown()
    except BaseException:
        _end(pool)
        raise


def _end(pool: ProcessPoolExecutor) -> None:
    """End a pool at once, and no other process: whoever called may have some."""
    own = [*(pool._processes or {}).values()]  # Python 3.14 has `kill_workers`
    pool.shutdown(wait=False, cancel_futures=True)
    for process in own:
        process.kill()


def may_have_workers() -> bool:
    """Return whether this process may start others; those of `multiprocessing.Pool` may not.

    Raises:
        UserError: a spawned worker is running a script again that has no `__main__` guard.
    """
    process = multiprocessing.current_process()
    if getattr(process, "_inheriting", False):  # as Python asks itself before it starts another
        raise UserError(f"a script is run by its own workers, too; {_GUARD}")
    return not process.daemon


def are_forked() -> bool:
    """Return whether workers are copies of this process; spawned ones run its script again."""
    return multiprocessing.get_start_method() == "fork"


def lost_worker() -> str:
    """Return what is told where a worker is lost; a spawned one may have run a script again."""
    return shutdown.LOST_WORKER if are_forked() else f"{shutdown.LOST_WORKER}; or {_GUARD}"


def _submitted(pool: ProcessPoolExecutor, tasks: list[Any]) -> "Future[list[Any]]":
    with _told_if_lost():
        return pool.submit(_each, tasks)


def _result(future: "Future[list[Result]]", last: LastRead) -> list[Result]:
    """Return a result, waited for as long as any worker does something."""
    while not wait([future], slice_seconds()).done:
        if last.hangs():
            raise UserError(shutdown.HANGING)
    with _told_if_lost():
        return future.result()


@contextmanager
def _told_if_lost() -> Iterator[None]:
    """Tell that a worker was lost, wherever the pool notices it."""
    try:
        yield
    except BrokenProcessPool:
        raise UserError(lost_worker()) from None


# In a worker: what it notes that it has done something by, and what it does.
_last: LastRead
_function: Callable[[Any], Any]


def _start(last: LastRead, function: Callable[[Any], Any]) -> None:
    global _last, _function
    _last, _function = last, function
    become_worker()


def _each(tasks: list[Any]) -> list[Any]:
    return [_noted(_function(task)) for task in tasks]


def _noted(result: Result) -> Result:
    _last.note()
    return result
