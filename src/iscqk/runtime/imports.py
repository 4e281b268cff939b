"""Importing what takes long to import."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Import without the garbage collector, which takes a third less time.

    What a stage imports stays until the end, so the collector is never to look at it, at the end
    neither: torch's millions of objects would keep it busy for half a second then.
    """
    if not gc.isenabled():  # within another
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
