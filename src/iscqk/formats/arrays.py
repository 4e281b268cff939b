"""Arrays by what they hold, as annotations name them, and what is asked of rows everywhere."""

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


def lengths_of(rows: FloatArray) -> DoubleArray:
    """Return the lengths (n,) of rows (n, D), not finite where a number of theirs is not.

    Of finite numbers in float32 no sum of squares is too large for float64.
    """
    wide = rows.astype(np.float64)
    found: DoubleArray = np.sqrt(np.einsum("nd,nd->n", wide, wide))
    return found
