"""Nearest-neighbour accuracy: how well features tell classes apart without a classifier."""

from pathlib import Path

import numpy as np
import pandas as pd

from iscqk.formats.arrays import BoolArray, FloatArray, StrArray

_BLOCK = 256  # images that meet all others at once: 100 MB of float64 for 50,000 of them


def classes_of(manifest: pd.DataFrame) -> StrArray:
    """Return the class of each row: the name of the folder that its image lies in."""
    return np.array([Path(path).parent.name for path in manifest["path"]], dtype=np.str_)


def rare_classes(training: StrArray, at_most: int) -> set[str]:
    """Return the classes of at most so many training images; ISD's rare ones have exactly 100."""
    names, counts = np.unique(training, return_counts=True)
    return set(names[counts <= at_most].tolist())


def neighbour_is_of_class(features: FloatArray, classes: StrArray) -> BoolArray:
    """Return for each image whether its nearest other one is of its class, (n,).

    Nearest by cosine similarity, the image itself left out (1-NN, as ISD is evaluated,
    arXiv:2012.09259, with one balanced set in the place of two); of equally near ones the first.
    Memory: features in float64, and a block of similarities.

    Args:
        features: (n, C); a row of zeros is as far from every other.
        classes: (n,).
    """
    rows = features.astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    nearest = np.empty(len(rows), dtype=np.int64)
    for start in range(0, len(rows), _BLOCK):
        similarities = rows[start : start + _BLOCK] @ rows.T
        own = np.arange(len(similarities))
        similarities[own, start + own] = -np.inf
        nearest[start : start + _BLOCK] = similarities.argmax(axis=1)
    same: BoolArray = classes[nearest] == classes
    return same
