"""In what precision losses are computed."""

import torch
from torch import Tensor


def upcast(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or in float64 where it comes so."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def upcast_both(queries: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return both in float32, or in float64 where queries are, before a loss takes its terms.

    At a small loss the gradients of log Z and of the positive nearly cancel. Widened once, before
    both, it is the difference that is rounded on its way back to bfloat16 queries.
    """
    rows = upcast(queries)
    return rows, torch.as_tensor(temperature, dtype=rows.dtype, device=rows.device)
