"""What becomes of descriptors: nothing."""

from collections.abc import Iterable

import numpy as np

from iscqk.formats.arrays import DoubleArray, FloatArray


def of_queries(queries: FloatArray, bank: Iterable[FloatArray], temperature: float) -> FloatArray:
    """Return queries as they are."""
    return queries


def of_references(references: FloatArray) -> FloatArray:
    """Return references as they are."""
    return references


def level(queries: FloatArray, bank: Iterable[FloatArray], temperature: float) -> DoubleArray:
    """Return (n,) zeros."""
    return np.zeros(len(queries))
