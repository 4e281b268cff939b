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
    if device.type != "cpu" or not (followed := _followed(encoder)):
        return encoder
    shared = {id(tensor): tensor for tensor in (*encoder.parameters(), *encoder.buffers())}
    twin = copy.deepcopy(encoder, shared)
    with autocast(encoder.precision, device):
        modules = dict(twin.backbone.named_modules())
        for convolution, norm in followed.items():
            _fuse(modules[convolution], modules[norm])
    return twin


def _followed(encoder: Encoder) -> dict[str, str]:
    """Return the names of the norms that can be folded, each by its convolution's.

    Modules that stand one after the other need not be called so: that is seen on one image.
    """
    norms = norms_after_convolutions(encoder.backbone).items()
    pairs = [(one, norm) for one, norm in norms if is_convolution(one) and not norm.training]
    if not pairs:
        return {}
    names = {module: name for name, module in encoder.backbone.named_modules()}
    outputs: dict[nn.Module, Any] = {}
    found: dict[str, str] = {}

    def look(convolution: nn.Module, norm: nn.Module, given: Any) -> None:
        if given is outputs.get(convolution):
            found[names[convolution]] = names[norm]

    hooks = []
    for one, norm in pairs:
        hooks.append(one.register_forward_hook(lambda of, _, out: outputs.update({of: out})))
        hooks.append(
            norm.register_forward_pre_hook(lambda of, given, one=one: look(one, of, given[0]))
        )
    side = encoder.config.image_size
    encoder.features(torch.zeros(1, 3, side, side, dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    return found


def _fuse(convolution: Any, norm: Any) -> None:
    """Let a convolution do what it, the norm and, if it can, the norm's activation do."""
    weight, bias = folded(convolution, norm)
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else weight.dtype
    weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
    activation = getattr(norm, "act", nn.Identity())
    by_number = not isinstance(convolution.padding, str)
    if by_number and convolves_and_activates(activation, dtype):
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
