"""Where values stand among many, by bisection."""

import numpy as np
from numpy.typing import NDArray

from iscqk.formats.arrays import BoolArray, IntArray


class Bisection:
    """Many values, in 8 bytes each beside themselves."""

    def __init__(self, values: NDArray[np.generic]) -> None:
        self._order = np.argsort(values, kind="stable")
        self._sorted = values[self._order]

    def find(self, others: NDArray[np.generic]) -> IntArray:
        """Return (n,) the first place of each of n others among the values, -1 for none."""
        if not len(self._sorted):
            return np.full(len(others), -1)
        places = np.searchsorted(self._sorted, others).clip(max=len(self._sorted) - 1)
        is_there: BoolArray = self._sorted[places] == others
        return np.where(is_there, self._order[places], -1)
