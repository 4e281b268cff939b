"""Rows by their lengths, whatever these are."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def unit_rows(rows: Tensor) -> Tensor:
    """Return rows (n, D) float32, which are on the CPU, of length 1; one of length 0 stays so.

    The squares of a row far from length 1 would vanish in float32, or be infinite. The power of two
    that brings its largest coordinate below 1 changes no other bit of it.
    """
    numbers = rows.numpy()
    _, exponents = np.frexp(np.abs(numbers).max(axis=1, keepdims=True, initial=0))
    return functional.normalize(torch.from_numpy(np.ldexp(numbers, -exponents)), dim=1)
