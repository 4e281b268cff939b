"""Collapse: descriptors of different images that are all alike, so that no search tells them apart.

Measured by the effective rank, 1 / mean squared cosine over all pairs of rows (the participation
ratio of their second moments). It is 1 where all rows lie on one line, and up to D where they
spread over all D dimensions evenly; a mean cosine of 0.99 makes 1.02.
"""

import numpy as np
from numpy.typing import NDArray

COLLAPSED = 1.02


def effective_rank(rows: NDArray[np.float32]) -> float:
    """Return how many directions (n, D) rows spread over; NaN where fewer than 2 are not zero."""
    wide = rows.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    units = wide[lengths > 0] / lengths[lengths > 0, None]
    if len(units) < 2:
        return float("nan")
    return spread(units.T @ units)


def spread(moments: NDArray[np.float64]) -> float:
    """Return the effective rank of unit rows from their second moments, their sum of u u^T."""
    return float(np.trace(moments) ** 2 / np.square(moments).sum())
