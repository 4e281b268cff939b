"""Convolutions of a backbone as a CPU trains them fastest: the same functions, other kernels.

Two things cost most of a step of a small network in bfloat16. The gradient of a depthwise
convolution by its input takes torch's slowest kernel, ten times as long as in float32; where the
stride is 1 it is a convolution by the mirrored kernel, and otherwise float32 is taken. And a batch
norm whose statistics are frozen is an affine map: it goes into the weights of the convolution
before it (Jacob et al., arXiv:1712.05877, section 3.2), through which its own scale and shift, and
the convolution's weights, keep learning.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from iscqk.models.foldable_norms import foldable_norms
from iscqk.models.timm_adapter import pad_same


@contextmanager
def fast_convolutions(
    backbone: nn.Module, frozen_norms: bool, dry_run: Callable[[], object]
) -> Iterator[None]:
    """Let the backbone take the fast ways while this lasts, if it is on a CPU.

    Args:
        backbone: keeps its modules, parameters and their names.
        frozen_norms: whether its batch norms keep their statistics, so that they can be folded.
        dry_run: computes with the backbone as it will be used, for a look at what can be.
    """
    changed: list[nn.Module] = []
    first = next(backbone.parameters(), None)  # GIST has none
    if first is not None and first.device.type == "cpu":
        norms = foldable_norms(backbone, dry_run) if frozen_norms else {}
        for convolution in filter(is_convolution, backbone.modules()):
            norm = norms.get(convolution)
            if norm is None and not _is_depthwise(convolution):
                continue
            convolution.forward = _forward(convolution, norm)
            changed.append(convolution)
            if norm is not None:
                norm.forward = what_is_left(norm)
                changed.append(norm)
    try:
        yield
    finally:
        for module in changed:
            del module.forward  # the class's own again


def is_convolution(module: nn.Module) -> bool:
    """Return whether a module is a convolution that computes as torch's or timm's own do."""
    return type(module).__name__ in ("Conv2d", "Conv2dSame")


def _forward(convolution: Any, norm: Any) -> Callable[[Tensor], Tensor]:
    def forward(images: Tensor) -> Tensor:
        own = convolution.weight, convolution.bias
        weight, bias = own if norm is None else folded(convolution, norm)
        return _convolve(convolution, images, weight, bias)

    return forward


def folded(convolution: Any, norm: Any) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the convolution that does what both do."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    bias = shift if convolution.bias is None else shift + convolution.bias * scale
    return convolution.weight * scale[:, None, None, None], bias


def what_is_left(norm: Any) -> Callable[[Tensor], Tensor]:
    """Return what is left of a folded norm; timm's own hold their activation."""
    drop, activation = (getattr(norm, name, nn.Identity()) for name in ("drop", "act"))
    return lambda images: activation(drop(images))


def _convolve(convolution: Any, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    images, padding = padded(convolution, images)
    options = (convolution.stride, padding, convolution.dilation, convolution.groups)
    if not _is_depthwise(convolution):
        return functional.conv2d(images, weight, bias, *options)
    if torch.is_autocast_enabled("cpu"):
        images, weight = (x.to(torch.get_autocast_dtype("cpu")) for x in (images, weight))
    bias = None if bias is None else bias.to(images.dtype)
    return _Depthwise.apply(images, weight, bias, *options)


def padded(convolution: Any, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Return images with what padding is uneven, and the padding that is left to do."""
    if type(convolution).__name__ != "Conv2dSame":
        return images, convolution.padding
    kernel, stride = list(convolution.kernel_size), convolution.stride
    return pad_same(images, kernel, stride, convolution.dilation), (0, 0)


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype.itemsize < 4 else tensor


def _is_depthwise(convolution: Any) -> bool:
    plain = convolution.dilation == (1, 1) and not isinstance(convolution.padding, str)
    return plain and convolution.groups == convolution.in_channels == convolution.out_channels > 1


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution whose gradient by its input is fast in bfloat16."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None,
        stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], groups: int,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(images, weight)
        ctx.options, ctx.has_bias = (stride, padding, dilation, groups), bias is not None
        return functional.conv2d(images, weight, bias, stride, padding, dilation, groups)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.options
        gradient = gradient.contiguous(memory_format=torch.channels_last)

        def by(which: list[bool], *tensors: Tensor) -> Any:
            others = ([groups], stride, padding, dilation, False, [0, 0], groups)
            return torch.ops.aten.convolution_backward(*tensors, *others, which)

        by_images = None
        if ctx.needs_input_grad[0]:
            mirrored = [size - 1 - pad for size, pad in zip(weight.shape[2:], padding, strict=True)]
            if stride == (1, 1) and min(mirrored) >= 0:
                kernel = weight.flip(2, 3)
                by_images = functional.conv2d(gradient, kernel, None, 1, mirrored, 1, groups)
            else:
                whole = map(_widened, (gradient, images, weight))
                by_images = by([True, False, False], *whole)[0].to(images.dtype)
        _, by_weight, by_bias = by([False, True, ctx.has_bias], gradient, images, weight)
        return by_images, by_weight, by_bias, None, None, None, None
