"""The encoder: a timm backbone, a pooling and a linear head give unit descriptors."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from iscqk.errors import UserError
from iscqk.models.device import autocast
from iscqk.models.gist import Gist
from iscqk.models.modes import in_use
from iscqk.models.timm_adapter import timm
from iscqk.models.timm_names import GIST

# Arguments of timm.create_model by which it loads files, some of them pickles, or downloads them.
_BARRED_OPTIONS = {
    *("checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay"),
    *("pretrained_strict", "pretrained_filter_fn", "cache_dir"),
}
_MAX_SIZE = 8192
# Of what images are normalised by, on whatever scale; beyond it float32 has no numbers for them.
_MAX_CHANNEL, _MIN_STD = 1e6, 1e-6


@dataclass(frozen=True)
class EncoderConfig:
    """What it takes to build an encoder; stored beside its weights.

    Attributes:
        backbone: any timm model name, or `gist`, which learns nothing.
        image_size: side in pixels to which images are squeezed.
        pooling: `gem` (p = 3), `average`, `quarters` (the mean of each quarter of the image, side
            by side, so that the head knows what lies where), or `native`, the backbone's own.
        descriptor_size: dimensions D of the descriptor.
        mean: of each RGB channel, on the scale 0 to 1.
        std: likewise.
        backbone_options: further arguments of `timm.create_model`.
    """

    backbone: str
    image_size: int
    pooling: str
    descriptor_size: int
    mean: Sequence[float] = (0.485, 0.456, 0.406)
    std: Sequence[float] = (0.229, 0.224, 0.225)
    backbone_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what a file of weights from elsewhere must not ask for.

        Raises:
            UserError: options that make timm read other files or the network, absurd sizes, what
                is no name or pooling, or no pixels can be normalised by.
        """
        if not isinstance(self.backbone, str):
            raise UserError(f"model.backbone: {self.backbone}; it must be a network's name")
        if self.pooling not in (known := (*POOLINGS, "native")):
            raise UserError(f"model.pooling: {self.pooling}; it must be one of {', '.join(known)}")
        if barred := sorted(_BARRED_OPTIONS & set(self.backbone_options)):
            raise UserError(
                f"model.backbone_options: {barred[0]} would load other files; name weights as "
                "model.weights, a safetensors file"
            )
        if "features_only" in self.backbone_options:
            raise UserError(
                "model.backbone_options: features_only makes maps that are not pooled; leave it out"
            )
        sizes = {"image_size": self.image_size, "descriptor_size": self.descriptor_size}
        for name, size in sizes.items():
            if not isinstance(size, int) or not 1 <= size <= _MAX_SIZE:
                raise UserError(f"model.{name}: {size}; it must be from 1 to {_MAX_SIZE}")
        for name, least in (("mean", -_MAX_CHANNEL), ("std", _MIN_STD)):
            if not _are_of_channels(values := getattr(self, name), least):
                wanted = f"three numbers from {least:g} to {_MAX_CHANNEL:g}, one of each channel"
                raise UserError(f"model.{name}: {values}; it must be {wanted}")


def _are_of_channels(values: Any, least: float) -> bool:
    """Return whether these are three numbers from `least` on; NaN and infinity are none."""
    if not isinstance(values, list | tuple) or len(values) != 3:
        return False
    return all(isinstance(x, int | float) and least <= x <= _MAX_CHANNEL for x in values)


class Encoder(nn.Module):
    """Images to descriptors: `project(features(images))`.

    Attributes:
        precision: in which the backbone computes; `auto`, `bf16` or `fp32`, see `autocast`.
        is_fused: whether it is one of `iscqk.models.fused_convolutions`, which only describes.
    """

    precision = "fp32"
    is_fused = False

    def __init__(self, config: EncoderConfig, pretrained: bool = False) -> None:
        """Build the encoder, with timm's pretrained backbone weights if asked for.

        Raises:
            UserError: timm knows no such backbone, cannot build it so, it cannot be pooled so, or
                would not see images to their right and bottom ends.
        """
        super().__init__()
        self.config = config
        self.backbone = _create_backbone(config, pretrained)
        self.head = nn.Linear(self._feature_size(), config.descriptor_size)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(config.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(3, 1, 1), persistent=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def _feature_size(self) -> int:
        """Return C, by a dry run: timm's `num_features` is not what every model gives."""
        size = self.config.image_size
        images = torch.zeros(1, 3, size, size)
        try:
            with in_use(self.backbone):
                features = self._pool(self.backbone.forward_features(images))
        except UserError:
            raise
        except Exception as error:  # of many types, as every network has its own
            raise UserError(
                f"model.image_size: {self.config.backbone} does not take {size} pixels ({error})"
            ) from None
        self._refuse_unseen_rim(size, "model.image_size")
        return int(features.shape[1])

    def _refuse_unseen_rim(self, side: int, key: str) -> None:
        """Refuse a side of which something is left beyond the last whole patch: nobody sees it."""
        patch = _patch_size(self.backbone)
        if rest := side % patch:
            raise UserError(
                f"{key}: {self.config.backbone} cuts images into patches of {patch} pixels, and of "
                f"{side} would never see the last {rest} to the right and below; name "
                f"{side - rest} or {side - rest + patch}"
            )

    @torch.no_grad()
    def set_head(self, weight: Tensor, bias: Tensor) -> None:
        """Replace the head by a layer of weight (D, C) and bias (D,), D dimensions from then on."""
        size, features = weight.shape
        self.config = replace(self.config, descriptor_size=size)
        self.head = nn.Linear(features, size, device=self.head.weight.device)
        self.head.weight.copy_(weight)
        self.head.bias.copy_(bias)

    def compile_backbone(self) -> None:
        """Let torch compile the backbone's forward pass; weights and their names stay."""
        self.backbone.forward_features = torch.compile(self.backbone.forward_features)

    @torch.no_grad()
    def dry_run(self, side: int | None = None) -> None:
        """See one black image, of its own side if none is given, for who looks at how it does."""
        side = side or self.config.image_size
        device = next(self.parameters()).device
        self.features(torch.zeros(1, 3, side, side, dtype=torch.uint8, device=device))

    def refuse_sizes(self, sizes: Iterable[int]) -> None:
        """Refuse to see images at sides that the network is not made for, as most transformers are.

        Raises:
            UserError: it takes others only, or would not see them to their ends.
        """
        for side in sizes:
            try:
                self.dry_run(side)
            except (AssertionError, RuntimeError) as error:
                what = f"{self.config.backbone} does not take {side} pixels ({error})"
                remedy = (
                    "leave it out, or set model.backbone_options: {dynamic_img_size: true} if it "
                    "is a transformer"
                )
                raise UserError(f"describe.sizes: {what}; {remedy}") from None
            self._refuse_unseen_rim(side, "describe.sizes")

    def features(self, images: Tensor) -> Tensor:
        """Return pooled backbone features (B, C) float32 of uint8 images (B, 3, S, S)."""
        scaled = images.to(torch.float32, copy=True).div_(255).sub_(self.mean).div_(self.std)
        with autocast(self.precision, images.device):
            return self._pool(
                self.backbone.forward_features(scaled.contiguous(memory_format=torch.channels_last))
            ).float()

    def project(self, features: Tensor) -> Tensor:
        """Return unit descriptors (B, D) float32 of pooled features (B, C)."""
        with torch.autocast(features.device.type, enabled=False):
            return functional.normalize(self.head(features.float()), dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return unit descriptors (B, D) float32 of uint8 images (B, 3, S, S)."""
        return self.project(self.features(images))

    def _pool(self, output: Any) -> Tensor:
        if self.config.pooling == "native":
            if not hasattr(self.backbone, "forward_head"):
                raise UserError(
                    f"model.pooling: {self.config.backbone} has none of its own; set gem"
                )
            return self.backbone.forward_head(output, pre_logits=True).flatten(1)
        if not isinstance(output, Tensor):
            raise UserError(
                f"model.pooling: {self.config.pooling} is of one map of features, and "
                f"{self.config.backbone} makes several; set native"
            )
        places = _places_first(output, self.backbone)
        return POOLINGS[self.config.pooling](places)


def gem(places: Tensor) -> Tensor:
    """Pool (B, P, C) to (B, C) by the generalised mean (arXiv:1711.02512, eq. 3), its power 3."""
    with torch.autocast(places.device.type, enabled=False):
        return places.float().clamp(min=1e-6).pow(3).mean(1).pow(1 / 3)


def quarters(places: Tensor) -> Tensor:
    """Pool (B, P, C), the places of a square in rows, to the means (B, 4 C) of its quarters."""
    side = math.isqrt(places.shape[1])
    square = places.mT.unflatten(2, (side, side))
    return functional.adaptive_avg_pool2d(square, 2).flatten(2).mT.flatten(1)


# Of features (B, P, C) at P places.
POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "gem": gem,
    "average": lambda places: places.mean(1),
    "quarters": quarters,
}


def _places_first(output: Tensor, backbone: nn.Module) -> Tensor:
    """Bring (B, C, H, W), (B, H, W, C) or tokens (B, T, C) to (B, places, C)."""
    if output.ndim == 3:
        count = output.shape[1]
        others = count - math.isqrt(count) ** 2  # where the network does not say, as VOLO and CoaT
        return output[:, getattr(backbone, "num_prefix_tokens", others) :]  # without class tokens
    if output.ndim == 4 and getattr(backbone, "output_fmt", "NCHW") == "NHWC":
        return output.flatten(1, 2)
    if output.ndim == 4:
        return output.flatten(2).transpose(1, 2)
    return output.flatten(1)[:, None]


def _patch_size(backbone: nn.Module) -> int:
    """Return the side in pixels of patches that a network looks at each alone; 1 if at none.

    Transformers have them, and ConvNeXt's like. What overlaps, or is padded, leaves nothing out.
    """
    modules = list(backbone.modules())
    first = next((module for module in modules if isinstance(module, nn.Conv2d)), None)
    is_padded = any(getattr(module, "dynamic_img_pad", False) for module in modules)
    if first is None or is_padded or first.kernel_size != first.stride or any(first.padding):
        return 1
    return int(first.stride[0])


def _create_backbone(config: EncoderConfig, pretrained: bool) -> Any:
    if config.backbone == GIST:
        return Gist(config.image_size)
    if not timm.is_model(config.backbone):
        near = ", ".join(timm.list_models(f"*{config.backbone[:6]}*")[:4]) or "timm.list_models()"
        raise UserError(f"model.backbone: timm knows no {config.backbone!r}; try {near}")
    options = {"num_classes": 0, "pretrained": pretrained, **config.backbone_options}
    try:
        default = timm.get_pretrained_cfg(config.backbone)
        if default is not None and default.fixed_input_size:
            try:  # transformers are built for one size; most can be told which
                return timm.create_model(config.backbone, img_size=config.image_size, **options)
            except TypeError:
                pass
        return timm.create_model(config.backbone, **options)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"model.backbone: timm cannot build {config.backbone!r} ({reason}); "
            "see model.backbone_options and model.weights"
        ) from None
