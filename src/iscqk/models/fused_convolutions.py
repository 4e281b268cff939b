"""An encoder as a CPU computes it fastest where nothing is to be learned: twice as fast.

A batch norm goes into the convolution before it, as while training, but once for all images; and
the activation is made of the convolution's outputs before they are written, where oneDNN knows it.
Most of what a small network takes is reading and writing what lies between its layers.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from iscqk.models.device import autocast
from iscqk.models.encoder import Encoder
from iscqk.models.fast_convolutions import (
    folded,
    is_convolution,
    norms_after_convolutions,
    padded,
    what_is_left,
)
from iscqk.models.torch_internals import convolve_and_activate, convolves_and_activates


@torch.no_grad()
def fused(encoder: Encoder) -> Encoder:
    """Return an encoder of the same descriptors, to be used without gradients.

    It shares the weights that are not folded. One that is not on a CPU, or has no batch norm to
    fold, is returned itself; batch norms that take the statistics of the batch stay as they are.
    """
    device = next(encoder.parameters()).device
    if device.type != "cpu" or not _foldable(encoder.backbone):
        return encoder
    shared = {id(tensor): tensor for tensor in (*encoder.parameters(), *encoder.buffers())}
    twin = copy.deepcopy(encoder, shared)
    with autocast(encoder.precision, device):
        for convolution, norm in _foldable(twin.backbone):
            _fuse(convolution, norm)
    return twin


def _foldable(backbone: nn.Module) -> list[tuple[nn.Module, nn.Module]]:
    """Return the convolutions with the norms that can be folded into them."""
    pairs = norms_after_convolutions(backbone).items()
    return [(one, norm) for one, norm in pairs if is_convolution(one) and not norm.training]


def _fuse(convolution: Any, norm: Any) -> None:
    """Let a convolution do what it, the norm and, if it can, the norm's activation do."""
    weight, bias = folded(convolution, norm)
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else weight.dtype
    weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
    activation = getattr(norm, "act", nn.Identity())
    if convolves_and_activates(activation, dtype):
        convolution.forward = _fused_forward(convolution, weight, bias, activation)
        norm.act = nn.Identity()
    else:
        convolution.forward = _forward(convolution, weight, bias.to(dtype))
    norm.forward = what_is_left(norm)


def _fused_forward(
    convolution: Any, weight: Tensor, bias: Tensor, activation: nn.Module
) -> Callable[[Tensor], Tensor]:
    # The bias stays float32: rounded it would shift a whole channel of every image.
    def forward(images: Tensor) -> Tensor:
        images, padding = padded(convolution, images.to(weight.dtype))
        options = (padding, convolution.stride, convolution.dilation, convolution.groups)
        return convolve_and_activate(images, weight, bias, options, activation)

    return forward


def _forward(convolution: Any, weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    def forward(images: Tensor) -> Tensor:
        images, padding = padded(convolution, images)
        options = (convolution.stride, padding, convolution.dilation, convolution.groups)
        return functional.conv2d(images, weight, bias, *options)

    return forward
