"""The one adapter to what torch has but does not promise to keep: names with an underscore.

tests/models/test_torch_internals.py tells when another torch has changed any of it, and that
nothing else of the package reaches for such a name.
"""

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

BatchNorm = _BatchNorm  # what batch norms of any number of dimensions have in common


def flash_attention_on_cpu(queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return softmax(Q K^T) V (1, H, B, D) and the log-sum-exp (1, H, B) of Q K^T.

    Args:
        queries: (1, H, B, D) float32 on a CPU.
        keys: (1, H, N, D), likewise.
        values: (1, H, N, D), likewise.
    """
    attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    attended, log_sums = attend(queries, keys, values, scale=1.0)
    return attended, log_sums


def integer_product(left: Tensor, right: Tensor) -> Tensor:
    """Return the exact (n, m) int32 product of int8 (n, d) and (d, m), d at least 2.

    Of one column torch's product is wrong (2.13).
    """
    return torch._int_mm(left, right)


def cpu_has_fast_integers() -> bool:
    """Return whether this processor has instructions for products of 8-bit integers (VNNI)."""
    return bool(torch.cpu._is_vnni_supported())


def cpu_has_bfloat16() -> bool:
    """Return whether this processor multiplies bfloat16 in hardware."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
