"""Matrix products of numpy on one thread, so that several can run side by side.

OpenBLAS spreads every product over all cores of the machine, whatever share of them a job was
given, and is ten times slower than one thread when the cores are busy. Its number of threads can
only be set through its own C interface (or before numpy is imported).
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# As numpy's wheels name it, then as a system's OpenBLAS does.
_PREFIXES_SUFFIXES = (("scipy_", "64_"), ("", "64_"), ("", ""))


@contextmanager
def one_thread_products() -> Iterator[None]:
    """Keep products to one thread; with another BLAS than OpenBLAS, leave them as they are."""
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    for prefix, suffix in _PREFIXES_SUFFIXES:
        get = getattr(library, f"{prefix}openblas_get_num_threads{suffix}", None)
        change = getattr(library, f"{prefix}openblas_set_num_threads{suffix}", None)
        if get is not None and change is not None:
            break
    else:
        yield
        return
    before = get()
    change(1)
    try:
        yield
    finally:
        change(before)
