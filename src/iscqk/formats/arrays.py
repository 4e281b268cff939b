"""Arrays by what they hold, as annotations name them."""

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
DoubleArray = NDArray[np.float64]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
StrArray = NDArray[np.str_]
