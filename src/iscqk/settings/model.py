"""`model`: the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from iscqk.schema.kinds import Fraction, Limits, Name, Side, within
from iscqk.schema.section import Section, key

_Means = Annotated[None | tuple[Fraction, Fraction, Fraction], Limits("means")]
_Spread = Annotated[float, Limits("spread", exclusiveMinimum=0, maximum=1)]
_Spreads = Annotated[None | tuple[_Spread, _Spread, _Spread], Limits("spreads")]


@dataclass(frozen=True, kw_only=True)
class Model(Section):
    """The network and the head that it starts with."""

    weights: str = key(
        "ready",
        "ready (iscqk's own, head and all), none (random), pretrained (timm downloads them), or a "
        "safetensors file: a backbone of timm's, or an encoder of iscqk, whose head is kept",
    )
    backbone: None | Name = key(None, "any timm name; null takes the ready model's")
    image_size: Side = key(112, "images are squeezed to a square of this side")
    pooling: Literal["gem", "average", "quarters", "native"] = key(
        "gem",
        "gem, average, quarters (of the image, side by side), or native (the backbone's own)",
    )
    descriptor_size: Annotated[int, within(1, 256)] = key(
        255, "at most 256, one of which ranking by log_partition needs"
    )
    whitening: Fraction = key(
        0.5, "0 none, 1 full, of the PCA of a head that is made here; ready's own stays"
    )
    head_images: Annotated[int, within(2)] = key(
        2000, "random training images for the PCA of a head that is made here; ready's own stays"
    )
    mean: _Means = key(None, "of each RGB channel, 0 to 1; null takes the ready model's, or timm's")
    std: _Spreads = key(None, "likewise, above 0")
    backbone_options: Mapping[str, Any] = key(
        {}, "more arguments of timm.create_model; the ready model has its own"
    )
