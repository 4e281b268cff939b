"""Arrays by what they hold, as annotations name them, and the first row that something holds of."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

BoolArray = NDArray[np.bool_]
DoubleArray = NDArray[np.float64]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
StrArray = NDArray[np.str_]


def first_where(holds: ArrayLike) -> int | None:
    """Return the first row of (n,) that something holds of, None where it holds of none."""
    rows = np.flatnonzero(holds)
    return int(rows[0]) if len(rows) else None
