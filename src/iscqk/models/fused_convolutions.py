"""An encoder as a CPU computes it fastest where nothing is to be learned: twice as fast.

A batch norm goes into the convolution before it, as while training, but once for all images; and
the activation is made of the convolution's outputs before they are written, where oneDNN knows it.
Most of what a small network takes is reading and writing what lies between its layers.

TensorFlow pads strided convolutions by a row and a column more below and to the right. oneDNN pads
all sides alike, so that it takes copies of all that lies between. Turned by half, images need that
row above and to the left; what is padded at the other sides is then never reached.
"""

import copy
import threading
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from iscqk.models.device import autocast
from iscqk.models.encoder import Encoder
from iscqk.models.fast_convolutions import (
    folded,
    is_convolution,
    padded,
    what_is_left,
)
from iscqk.models.foldable_norms import foldable_norms
from iscqk.models.torch_internals import (
    convolve_and_activate,
    convolves_and_activates,
    laid_out,
)

# Modules to which all places of an image are alike.
_ANYWHERE = (nn.Identity, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.Hardsigmoid)
_POOLING = (nn.AdaptiveAvgPool2d, nn.Flatten)

Padding = Callable[[Tensor], tuple[Tensor, tuple[int, int]]]

_one_at_a_time = threading.Lock()


@torch.no_grad()
def fused(encoder: Encoder) -> Encoder:
    """Return an encoder of the same descriptors, to be used without gradients.

    It shares the weights that are not folded. One that is fused already, is not on a CPU, or has no
    batch norm to fold, is returned itself; batch norms that take the statistics of the batch stay
    as they are. Threads that ask for it of one encoder come one after the other: it is watched
    while it computes.
    """
    with _one_at_a_time:
        return _fused(encoder)


def _fused(encoder: Encoder) -> Encoder:
    device = next(encoder.parameters()).device
    if encoder.is_fused or device.type != "cpu" or not (followed := _followed(encoder)):
        return encoder
    shared = {id(tensor): tensor for tensor in (*encoder.parameters(), *encoder.buffers())}
    twin = copy.deepcopy(encoder, shared)
    twin.is_fused = True
    # What torch has compiled still computes with the backbone that this is a copy of.
    vars(twin.backbone).pop("forward_features", None)
    modules = dict(twin.backbone.named_modules())
    turned = _can_be_turned(twin, {modules[name] for name in followed})
    with autocast(encoder.precision, device):
        for convolution, norm in followed.items():
            _fuse(modules[convolution], modules[norm], turned)
    if turned:
        see = twin.features
        twin.features = lambda images: see(images.rot90(2, (-2, -1)))  # type: ignore[method-assign]
    return twin


def _followed(encoder: Encoder) -> dict[str, str]:
    """Return the names of the norms that can be folded, each by its convolution's."""
    names = {module: name for name, module in encoder.backbone.named_modules()}
    norms = foldable_norms(encoder.backbone, encoder.dry_run).items()
    return {
        names[one]: names[norm] for one, norm in norms if is_convolution(one) and not norm.training
    }


def _can_be_turned(encoder: Encoder, folded: Collection[nn.Module]) -> bool:
    """Return whether images turned by half give the same features, by kernels turned likewise.

    That has to be known of all that a network does: it is of timm's EfficientNets and MobileNets.
    """
    return (
        type(encoder.backbone).__name__ == "EfficientNet"
        and encoder.config.pooling in ("gem", "average")
        and all(_is_alike_turned(one, folded) for one in encoder.backbone.modules())
    )


def _is_alike_turned(module: Any, folded: Collection[nn.Module]) -> bool:
    if not isinstance(module, nn.Conv2d):
        return any(True for _ in module.children()) or isinstance(module, (*_ANYWHERE, *_POOLING))
    if not is_convolution(module) or module.dilation != (1, 1):
        return False
    if module.kernel_size == module.stride == (1, 1):
        return module.padding == (0, 0)
    odd = all(size % 2 and size >= 3 for size in module.kernel_size)
    if type(module).__name__ == "Conv2dSame":
        return module in folded and odd and max(module.stride) <= 2
    return module in folded and odd and module.stride == (1, 1) and module.padding == _half(module)


def _half(convolution: Any) -> tuple[int, int]:
    """Return what both sides of images are padded with to be of the same size afterwards."""
    height, width = convolution.kernel_size
    return height // 2, width // 2


def _fuse(convolution: Any, norm: Any, turned: bool) -> None:
    """Let a convolution do what it, the norm and, if it can, the norm's activation do."""
    weight, bias = folded(convolution, norm)
    pad: Padding = partial(padded, convolution)
    if turned:
        weight, half = weight.flip(2, 3), _half(convolution)
        pad = lambda images: (images, half)  # noqa: E731
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else weight.dtype
    weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
    activation = getattr(norm, "act", nn.Identity())
    by_number = not isinstance(convolution.padding, str)
    if by_number and convolves_and_activates(activation, dtype):
        convolution.forward = _fused_forward(convolution, pad, weight, bias, activation)
        norm.act = nn.Identity()
    else:
        convolution.forward = _forward(convolution, pad, weight, bias.to(dtype))
    norm.forward = what_is_left(norm)


def _fused_forward(
    convolution: Any, pad: Padding, weight: Tensor, bias: Tensor, activation: nn.Module
) -> Callable[[Tensor], Tensor]:
    weights = _LaidOut(weight)

    # The bias stays float32: rounded it would shift a whole channel of every image.
    def forward(images: Tensor) -> Tensor:
        images, padding = pad(images.to(weight.dtype))
        options = (padding, convolution.stride, convolution.dilation, convolution.groups)
        there = weights.of(images, options)
        return convolve_and_activate(images, there, bias, options, activation)

    return forward


class _LaidOut:
    """A weight as oneDNN lays it out, for images of each size as many as the last ones were.

    How depends on the images' number and on the threads, too. In the layout of others a convolution
    takes up to twice as long; laid out anew, as long as with a plain weight.
    """

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight
        self._kept: dict[torch.Size, tuple[tuple[int, int], Tensor]] = {}

    def of(self, images: Tensor, convolution: Any) -> Tensor:
        """Return the weight for these images."""
        size, fits = images.shape[2:], (len(images), torch.get_num_threads())
        kept = self._kept.get(size)
        if kept is None or kept[0] != fits:
            kept = self._kept[size] = fits, laid_out(self._weight, images.shape, convolution)
        return kept[1]


def _forward(
    convolution: Any, pad: Padding, weight: Tensor, bias: Tensor
) -> Callable[[Tensor], Tensor]:
    def forward(images: Tensor) -> Tensor:
        images, padding = pad(images)
        options = (convolution.stride, padding, convolution.dilation, convolution.groups)
        return functional.conv2d(images, weight, bias, *options)

    return forward
