"""What the C library does with memory that this process gives back."""

import ctypes
import sys

# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Let glibc keep up to 256 MB that was given back, for what is asked for next.

    Of itself it returns what lies between two layers of a network to the system and takes it anew,
    page by page, more or less often as the sizes of earlier arrays have it: some hundredths of the
    time of describing. Arrays of 32 MB and more are returned at once, as it does of itself.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt:
            mallopt(_MMAP_THRESHOLD, 2**25)
            mallopt(_TRIM_THRESHOLD, 2**28)
