"""Images of more than 8 bits a sample, scaled by what their files say of them.

Where a file does not say which number is white, and its numbers do not either, it is refused: any
guess would show it much too dark or much too bright.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from iscqk.images.transparency import extremes

# Tags of TIFF
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_RANGES = ((340, 341), (280, 281))  # least and largest sample, the exact ones first
_DARKEST = 4095  # what uses none of the upper 15/16 of 16 bits has most likely fewer
_OVERSHOOT = 1.1  # filters go beyond white


class Depth(NamedTuple):
    """What a file says of its samples.

    Attributes:
        bits: of a sample, 16 where it is not said.
        inverted: whether 0 is white.
        low: the least of the samples, if it is said.
        high: the largest, if it is said.
        deep_colour: whether Pillow is about to take the upper half of 16-bit colour.
    """

    bits: int = 16
    inverted: bool = False
    low: float | None = None
    high: float | None = None
    deep_colour: bool = False

    @classmethod
    def of(cls, image: Image.Image) -> "Depth":
        """Return what the file of an image says, before it is loaded."""
        tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
        tiles = str(getattr(image, "tile", []))
        low, high = next(
            (pair for pair in (_range(tags, *names) for names in _RANGES) if pair[1] is not None),
            (None, None),
        )
        return cls(
            int(_first(tags.get(_BITS, 16))),
            tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
            low,
            high,
            ";16" in tiles and not is_deep_grey(image),
        )


def is_deep_grey(image: Image.Image) -> bool:
    """Return whether an image is grey of more than 8 bits, or of floats."""
    return image.mode in ("I", "F") or image.mode.startswith("I;")


def grey_of(image: Image.Image, depth: Depth) -> Image.Image:
    """Return deep grey as 8-bit grey (mode L); ValueError where its range is not known."""
    samples = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    low, high = _shown_range(samples, depth, is_float=image.mode == "F")
    grey = np.rint((samples - low) * (255 / (high - low))).clip(0, 255).astype(np.uint8)
    return Image.fromarray(255 - grey if depth.inverted else grey)


def refuse_dark_colour(image: Image.Image, depth: Depth) -> None:
    """Raise ValueError where 16-bit colour, of which Pillow keeps 8, was of fewer bits."""
    if not depth.deep_colour:
        return
    bands = zip(image.getbands(), extremes(image), strict=True)
    if 0 < max(high for band, (_, high) in bands if band != "A") <= _DARKEST // 256:
        raise ValueError(f"16-bit colour with no sample over {_DARKEST}, as of fewer bits")


def _shown_range(samples: NDArray[np.float32], depth: Depth, is_float: bool) -> tuple[float, float]:
    """Return the samples that become 0 and 255."""
    least, largest = float(samples.min(initial=0)), float(samples.max(initial=0))
    if depth.high is not None and largest <= depth.high <= max(65535, 16 * largest):
        low = min(0.0, depth.low or 0.0)
        if least >= low and depth.high > low:
            return low, depth.high
    if depth.bits < 16:
        return 0.0, 2.0**depth.bits - 1
    high = _white(largest, is_float)
    if least < -(_OVERSHOOT - 1) * high:
        raise ValueError(f"grey from {least:g} to {largest:g}, and no word of what is black")
    return 0.0, high


def _white(largest: float, is_float: bool) -> float:
    """Return what is white where the file does not say: the largest number of a usual kind."""
    if is_float and largest <= 1.5:
        return 1.0
    if largest <= 255 * (_OVERSHOOT if is_float else 1) and not (is_float and largest < 16):
        return 255.0
    if _DARKEST < largest <= 65535:
        return 65535.0
    raise ValueError(f"grey up to {largest:g}, and no word of what is white")


def _range(tags: Mapping[int, Any], low: int, high: int) -> tuple[float | None, float | None]:
    least, largest = (
        None if tags.get(name) is None else float(_first(tags[name])) for name in (low, high)
    )
    return least, largest


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value
