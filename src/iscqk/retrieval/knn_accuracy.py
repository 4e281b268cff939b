"""Nearest-neighbour accuracy: how well features tell classes apart without a classifier."""

from pathlib import Path

import numpy as np
import pandas as pd

from iscqk.formats.arrays import BoolArray, FloatArray, StrArray


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
    arXiv:2012.09259, with one balanced set in the place of two).

    Args:
        features: (n, C); a row of zeros is as far from every other.
        classes: (n,).
    """
    rows = features.astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    similarities = rows @ rows.T
    np.fill_diagonal(similarities, -np.inf)
    same: BoolArray = classes[similarities.argmax(axis=1)] == classes
    return same
