"""In what precision losses are computed."""

import torch
from torch import Tensor


def upcast(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or in float64 where it comes so."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
