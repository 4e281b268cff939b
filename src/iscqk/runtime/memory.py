"""What the C library does with memory that this process gives back."""

import ctypes
import sys

# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> None:
    """Let glibc keep up to 2 GB that was given back, for what is asked for next.

    Of itself it takes each large array from the system and returns it, page by page, so that what
    lies between the layers of a network costs a third of a training's time. Now every array comes
    from the one heap that all threads share. For programs that compute with networks, which take
    and give back the same sizes over and over.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt:
            mallopt(_ARENA_MAX, 1)
            mallopt(_MMAP_MAX, 0)
            mallopt(_TRIM_THRESHOLD, 2**31 - 1)
