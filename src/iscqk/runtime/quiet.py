"""No warnings while a file is read, whichever threads read some at the same time."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# `warnings.catch_warnings` puts back what was set when it began. Of two threads the second to begin
# would find what the first has set, and put that back last: so the first to begin sets it for all,
# and the last to end puts it back.
_lock = threading.Lock()
_inside = 0
_ignoring = warnings.catch_warnings(action="ignore")


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore warnings in the block, and those of other threads meanwhile."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _ignoring
    with _lock:
        if not _inside:
            _ignoring = warnings.catch_warnings(action="ignore")
            _ignoring.__enter__()
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            _ignoring.__exit__(None, None, None)


def _renew() -> None:
    """Forget the other threads in a forked process, which has none of them to wait for."""
    global _lock, _inside
    _lock = threading.Lock()
    if _inside:
        _inside = 0
        _ignoring.__exit__(None, None, None)


os.register_at_fork(after_in_child=_renew)
