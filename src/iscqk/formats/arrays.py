"""Arrays by what they hold, as annotations name them, and the first true row of one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

BoolArray = NDArray[np.bool_]
DoubleArray = NDArray[np.float64]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
StrArray = NDArray[np.str_]


def first_where(holds: ArrayLike) -> int | None:
    """Return the index of the first true row of (n,), or None."""
    rows = np.flatnonzero(holds)
    return int(rows[0]) if len(rows) else None
