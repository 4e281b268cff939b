"""Rows of length one: random descriptors, float32, and whatever a test makes."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize


def unit_rows(count: int, size: int, seed: int = 0) -> Tensor:
    """Return (count, size)."""
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, size, generator=generator), dim=1)


def unit_array(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Return `unit_rows` for what takes no tensors."""
    return unit_rows(count, size, seed).numpy()


def unit(rows: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Return rows (..., d) at length one."""
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(dtype)
