"""Descriptors of images that could not be read: the grader wants them, nothing may match them.

They have to be finite and are compared like any other, so they lie far from all the rest: queries
at one point of length `_FAR`, references opposite. With all other rows shorter than _FAR / 3, a
pair of these is nearer than 2/3 _FAR; a pair with one far row is not, and one of two far rows is at
2 _FAR. So every pair of images that were read ranks before every pair with one that was not.
"""

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, FloatArray

# Unit rows with the coordinate of the log-partition are no longer than sqrt(5). The nearer, the
# less the search's bounds widen in a block that has such a reference.
_FAR = 16.0
_SIGNS = {"query": -1, "reference": 1}


def with_unmatchable(vectors: FloatArray, unreadable: BoolArray, side: str) -> FloatArray:
    """Return (n, d) vectors of a side, those of images that could not be read put far away.

    Args:
        vectors: (n, d) rows as the search will compare them.
        unreadable: (n,).
        side: "query" or "reference".

    Raises:
        UserError: another row is so long that it could be matched.
    """
    if np.square(vectors[~unreadable]).sum(axis=1).max(initial=0) >= (_FAR / 3) ** 2:
        raise UserError(
            f"a {side} has a descriptor longer than {_FAR / 3:g}, which leaves no place for images "
            "that could not be read; restore these images"
        )
    # Evenly over all coordinates, so that none is much larger than those of other rows.
    far = _SIGNS[side] * _FAR / np.sqrt(vectors.shape[1])
    return np.where(unreadable[:, None], np.float32(far), vectors)
