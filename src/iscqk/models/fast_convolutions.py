"""Convolutions of a backbone as a CPU trains them fastest: the same functions, other kernels.

Three things cost most of a step of a small network in bfloat16. The gradient of a depthwise
convolution by its input takes torch's slowest kernel, ten times as long as forward: it is a
convolution by the mirrored kernel. A batch norm whose statistics are frozen is an affine map: it
goes into the weights of the convolution before it (Jacob et al., arXiv:1712.05877, section 3.2),
through which its own scale and shift, and the convolution's weights, keep learning. And the
activation after it is made of the convolution's outputs before they are written, where oneDNN
knows it: what it gives tells its gradient, so that nothing is kept of what it was given. (oneDNN's
takes NaN for 0: a weight that is none is found in the gradients, if not in the loss.)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from iscqk.models.foldable_norms import foldable_norms
from iscqk.models.timm_adapter import pad_same
from iscqk.models.torch_internals import convolve_and_activate, convolves_and_activates

# The gradients of activations by what they gave, which is at a bound where they do nothing.
_DERIVATIVES: dict[type[nn.Module], Callable[[Tensor, Tensor], Tensor]] = {
    nn.ReLU: lambda gradient, gave: torch.ops.aten.threshold_backward(gradient, gave, 0),
    nn.ReLU6: lambda gradient, gave: torch.ops.aten.hardtanh_backward(gradient, gave, 0.0, 6.0),
}


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
            activation = _taken_over(convolution, norm)
            convolution.forward = _forward(convolution, norm, activation)
            changed.append(convolution)
            if norm is not None:
                norm.forward = what_is_left(norm) if activation is None else nn.Identity().forward
                changed.append(norm)
    try:
        yield
    finally:
        for module in changed:
            del module.forward  # the class's own again


def is_convolution(module: nn.Module) -> bool:
    """Return whether a module is a convolution that computes as torch's or timm's own do."""
    is_known = type(module).__name__ in ("Conv2d", "Conv2dSame")
    return is_known and module.padding_mode == "zeros"


def _taken_over(convolution: Any, norm: Any) -> nn.Module | None:
    """Return the activation of a folded norm, if it can be made where the outputs are."""
    activation = getattr(norm, "act", None)
    is_all = isinstance(getattr(norm, "drop", None), nn.Identity)
    known = type(activation) in _DERIVATIVES and not isinstance(convolution.padding, str)
    return activation if is_all and known else None


def _forward(
    convolution: Any, norm: Any, activation: nn.Module | None
) -> Callable[[Tensor], Tensor]:
    def forward(images: Tensor) -> Tensor:
        own = convolution.weight, convolution.bias
        weight, bias = own if norm is None else folded(convolution, norm)
        if activation and torch.compiler.is_compiling():  # which does so itself
            return activation(_convolve(convolution, images, weight, bias, None))
        return _convolve(convolution, images, weight, bias, activation)

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


def _convolve(
    convolution: Any,
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    activation: nn.Module | None,
) -> Tensor:
    images, padding = padded(convolution, images)
    options = (convolution.stride, padding, convolution.dilation, convolution.groups)
    if activation is None and not _is_depthwise(convolution):
        return functional.conv2d(images, weight, bias, *options)
    if torch.is_autocast_enabled("cpu"):
        images, weight = (x.to(torch.get_autocast_dtype("cpu")) for x in (images, weight))
    return _Convolution.apply(images, weight, bias, _is_depthwise(convolution), activation, options)


def padded(convolution: Any, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Return images with what padding is uneven, and the padding that is left to do."""
    if type(convolution).__name__ != "Conv2dSame":
        return images, convolution.padding
    kernel, stride = list(convolution.kernel_size), convolution.stride
    return pad_same(images, kernel, stride, convolution.dilation), (0, 0)


def _is_depthwise(convolution: Any) -> bool:
    plain = convolution.dilation == (1, 1) and not isinstance(convolution.padding, str)
    return plain and convolution.groups == convolution.in_channels == convolution.out_channels > 1


class _Convolution(torch.autograd.Function):
    """A convolution and its activation, if it has one, whose gradients are fast in bfloat16."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, is_depthwise: bool,
        activation: nn.Module | None, options: tuple[Any, ...],
    ) -> Tensor:  # fmt: skip
        stride, padding, *others = options
        if activation and convolves_and_activates(activation, images.dtype):
            there = (padding, stride, *others)
            outputs = convolve_and_activate(images, weight, bias, there, activation)
        else:
            bias = None if bias is None else bias.to(images.dtype)
            outputs = functional.conv2d(images, weight, bias, *options)
            outputs = activation(outputs) if activation else outputs
        ctx.save_for_backward(images, weight, outputs if activation else None)
        ctx.activation, ctx.is_depthwise, ctx.options = activation, is_depthwise, options
        return outputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight, outputs = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.options
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        if ctx.activation:
            gradient = _DERIVATIVES[type(ctx.activation)](gradient, outputs)
        wanted = list(ctx.needs_input_grad[:3])
        # torch's kernel for strides is slow in bfloat16 alone
        slow = max(stride) == 1 or gradient.dtype.itemsize < 4
        is_small = max(padding) < min(weight.shape[2:])
        mirrored = wanted[0] and ctx.is_depthwise and slow and is_small
        wanted[0] &= not mirrored
        given = (gradient, images, weight, [len(weight)], stride, padding, dilation)
        by_images, by_weight, by_bias = torch.ops.aten.convolution_backward(
            *given, False, [0, 0], groups, wanted
        )
        if mirrored:
            by_images = _by_images(gradient, weight, images.shape, stride, padding)
        return by_images, by_weight, by_bias, None, None, None


def _by_images(
    gradient: Tensor, weight: Tensor, images: Sequence[int], stride: Any, padding: Any
) -> Tensor:
    """Return the gradient of a depthwise convolution by its images, of which the shape is given.

    A stride keeps some outputs of the convolution without it: the others' gradients are 0.
    """
    kernel = weight.shape[2:]
    if max(stride) > 1:
        sides = zip(images[2:], kernel, padding, strict=True)
        every = [side + 2 * pad - size + 1 for side, size, pad in sides]
        kept, channels_last = gradient, gradient.new_zeros(images[0], *every, images[1])
        gradient = channels_last.permute(0, 3, 1, 2)
        gradient[:, :, :: stride[0], :: stride[1]] = kept
    around = [size - 1 - pad for size, pad in zip(kernel, padding, strict=True)]
    return functional.conv2d(gradient, weight.flip(2, 3), None, 1, around, 1, len(weight))
