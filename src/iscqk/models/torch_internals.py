"""The one adapter to what torch has but does not promise to keep: names with an underscore.

tests/models/test_torch_internals.py tells when another torch has changed any of it, and that
nothing else of the package reaches for such a name.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# What oneDNN makes of a convolution's outputs before it writes them, by the module that does it.
_MADE_OF_OUTPUTS = {
    nn.Identity: ("none", []),
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}

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


def convolves_and_activates(activation: nn.Module, dtype: torch.dtype) -> bool:
    """Return whether this torch knows a convolution of such numbers and the activation in one."""
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_convolution_weight")
        and type(activation) in _MADE_OF_OUTPUTS
        and (dtype == torch.float32 or (dtype == torch.bfloat16 and _onednn_has_bfloat16()))
    )


def _onednn_has_bfloat16() -> bool:
    """Return whether oneDNN's own operators take bfloat16 here, as torch's convolutions do."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def laid_out(weight: Tensor, shape: Sequence[int], convolution: Any) -> Tensor:
    """Return a weight as `convolve_and_activate` reads it fastest: as oneDNN lays it out.

    Else it is laid out anew in every call. The layout is for images of this shape and the number of
    threads of now; with others results are as right, and slower.

    Args:
        weight: float32 or bfloat16.
        shape: of the images.
        convolution: as there.
    """
    lay_out = torch.ops.mkldnn._reorder_convolution_weight
    return lay_out(weight, *convolution, list(shape))


def convolve_and_activate(
    images: Tensor, weight: Tensor, bias: Tensor | None, convolution: Any, activation: nn.Module
) -> Tensor:
    """Return what an activation makes of a convolution, on a CPU, without a gradient.

    Args:
        images: (B, C, H, W) float32 or bfloat16.
        weight: of the same type, in the place of the convolution's own, or what `laid_out` gives.
        bias: float32, likewise.
        convolution: padding, strides, dilation, groups: see `torch.nn.functional.conv2d`.
        activation: one for which `convolves_and_activates`.
    """
    made, numbers = _MADE_OF_OUTPUTS[type(activation)]
    return torch.ops.mkldnn._convolution_pointwise(
        images, weight, bias, *convolution, made, numbers, None
    )
