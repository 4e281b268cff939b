"""What a way to rank the pairs of different queries is; `iscqk.retrieval.rankings` has them.

The grader ranks all pairs by the distance of their descriptors. A ranking is therefore what becomes
of descriptors before they are submitted, each on its own, as the challenge's rules demand.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]
Bank = Iterable[FloatArray]


@dataclass(frozen=True)
class Ranking:
    """A way to rank pairs.

    A bank is blocks of (n, D) unit rows, descriptors of training images by the model of the
    references; with it comes the temperature `describe.temperature`. Where a ranking needs none,
    it gets an empty one.

    Attributes:
        needs_bank: whether it needs one.
        dimensions: that it adds to descriptors.
        of_queries: queries (n, D) unit rows, bank, temperature to what is submitted, float32
            (n, D + dimensions).
        of_references: references (n, D) unit rows to what is submitted, likewise.
        level: queries, bank, temperature to (n,) how similar each query is to training images; a
            similarity less this level ranks pairs as the submitted descriptors do.
        offset: half a pair's score (the negative squared distance of what is submitted) and this
            are its similarity less the level.
    """

    needs_bank: bool
    dimensions: int
    of_queries: Callable[[FloatArray, Bank, float], FloatArray]
    of_references: Callable[[FloatArray], FloatArray]
    level: Callable[[FloatArray, Bank, float], DoubleArray]
    offset: float
