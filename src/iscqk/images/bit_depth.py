"""Images of more than 8 bits a sample, scaled by what their files say of them.

Where a file does not say which number is white, and its numbers do not either, it is refused: any
guess would show it much too dark or much too bright.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from iscqk.images.png_metadata import open_file
from iscqk.images.tiff_layouts import are_compressed_planes, load_unmapped, mend_planes
from iscqk.images.transparency import extremes

# Tags of TIFF
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_KIND, _SIGNED = 339, 2
_RANGES = ((340, 341), (280, 281))  # least and largest sample, the exact ones first
_DARKEST = 4095  # what uses none of the upper 15/16 of 16 bits has most likely fewer
_OVERSHOOT = 1.1  # filters go beyond white
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}  # of bytes


class Depth(NamedTuple):
    """What a file says of its samples.

    Attributes:
        bits: of a sample, 16 where it is not said.
        inverted: whether 0 is white.
        low: the least of the samples, if it is said.
        high: the largest, if it is said.
        deep_colour: whether Pillow is about to take the upper half of 16-bit colour.
        signed: whether samples of up to 16 bits may be below 0.
    """

    bits: int = 16
    inverted: bool = False
    low: float | None = None
    high: float | None = None
    deep_colour: bool = False
    signed: bool = False

    @classmethod
    def of(cls, image: Image.Image) -> "Depth":
        """Return what the file of an image says, before it is loaded."""
        tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
        tiles = str(getattr(image, "tile", []))
        low, high = next(
            (pair for pair in (_range(tags, *names) for names in _RANGES) if pair[1] is not None),
            (None, None),
        )
        bits = int(_first(tags.get(_BITS, 16)))
        return cls(
            bits,
            tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
            low,
            high,
            ";16" in tiles and not _has_deep_mode(image),
            bits <= 16 and _first(tags.get(_KIND)) == _SIGNED,
        )


def is_deep_grey(image: Image.Image, depth: Depth) -> bool:
    """Return whether an image is grey of more than 8 bits, of floats, or of signed numbers."""
    return _has_deep_mode(image) or (depth.signed and image.mode == "L")


def _has_deep_mode(image: Image.Image) -> bool:
    return image.mode in ("I", "F") or image.mode.startswith("I;")


def grey_of(image: Image.Image, depth: Depth) -> Image.Image:
    """Return deep grey as 8-bit grey (mode L); ValueError where its range is not known."""
    numbers = np.asarray(image)
    numbers = numbers.view(np.int8) if image.mode == "L" else numbers
    samples = np.nan_to_num(np.asarray(numbers, dtype=np.float32), posinf=0.0, neginf=0.0)
    low, high = _shown_range(samples, depth, is_float=image.mode == "F")
    grey = np.rint((samples - low) * (255 / (high - low))).clip(0, 255).astype(np.uint8)
    return Image.fromarray(255 - grey if depth.inverted else grey)


def refuse_dark_colour(image: Image.Image, depth: Depth) -> None:
    """Raise ValueError where 16-bit colour, of which Pillow keeps 8, was of fewer bits."""
    if depth.deep_colour and 0 < _brightest(image) <= _DARKEST // 256:
        raise ValueError(f"16-bit colour with no sample over {_DARKEST}, as of fewer bits")


def show_lower_bytes(image: Image.Image, depth: Depth, file: Any) -> Depth:
    """Change an image in place by what only the lower bytes of its 16-bit colour tell.

    Where the upper bytes are all 0, the lower are shown, as 8-bit numbers. Where the file names a
    colour as clear, what is exactly it becomes so: Pillow compares parts of it.

    Args:
        image: as Pillow has decoded it, which keeps the upper bytes.
        depth: what its file says.
        file: its path, or itself, to be read once more.

    Returns:
        What is to be known of the image after that.

    Raises:
        ValueError: they cannot be read, of compressed planes.
    """
    clear = image.info.get("transparency")
    is_dark = depth.deep_colour and not _brightest(image)
    if not is_dark and not (depth.deep_colour and clear):
        return depth
    lower = _lower_bytes(image, file)
    opaque = _unlike(clear, image, lower) if clear else None
    if is_dark:
        if "A" in image.getbands() and image.getchannel("A").getbbox():
            lower.putalpha(image.getchannel("A"))  # of 16 bits
        image.paste(lower)
    if opaque:
        image.putalpha(opaque)
        del image.info["transparency"]
    return depth._replace(deep_colour=not is_dark)


def _lower_bytes(image: Image.Image, file: Any) -> Image.Image:
    with open_file(file, (str(image.format),)) as again:
        again.seek(image.tell())
        mend_planes(again)
        if are_compressed_planes(again):  # of which Pillow reads the upper bytes, whatever is asked
            raise ValueError(
                "16-bit colour with no sample over 255, a plane each: store them together"
            )
        is_grey = "LA;16" in str(again.tile)
        again.tile = [tile._replace(args=_lower(tile.args)) for tile in again.tile]
        load_unmapped(again)
    if not is_grey:
        return again
    _, grey, _, alpha = again.split()  # of which both bytes were read
    return Image.merge("RGBA", [grey, grey, grey, alpha])


def _unlike(clear: Sequence[int], upper: Image.Image, lower: Image.Image) -> Image.Image:
    """Return a mask (mode L): 255 where 16-bit colour is another than the one that is clear."""
    high, low = np.divmod(clear, 256)
    alike = (np.asarray(upper) == high) & (np.asarray(lower) == low)
    return Image.fromarray(~alike.all(axis=2)).convert("L")


def _lower(args: Any) -> Any:
    """Return a decoder's arguments for 16-bit colour so that it keeps the lower bytes."""
    if isinstance(args, tuple):
        return (_lower(args[0]), *args[1:])
    bands, mark, order = args.rpartition(";16")
    return "RGBA" if bands == "LA" else bands + mark + _OTHER_ORDER[order]


def _brightest(image: Image.Image) -> int:
    bands = zip(image.getbands(), extremes(image), strict=True)
    return max(high for band, (_, high) in bands if band != "A")


def _shown_range(samples: NDArray[np.float32], depth: Depth, is_float: bool) -> tuple[float, float]:
    """Return the samples that become 0 and 255."""
    least, largest = float(samples.min(initial=0)), float(samples.max(initial=0))
    if depth.high is not None and largest <= depth.high <= max(65535, 16 * largest):
        low = min(0.0, depth.low or 0.0)
        if least >= low and depth.high > low:
            return low, depth.high
    most = 2.0 ** (min(depth.bits, 16) - depth.signed) - 1
    high = most if depth.bits < 16 else _white(largest, is_float, most)
    if least < -(_OVERSHOOT - 1) * high:
        raise ValueError(f"grey from {least:g} to {largest:g}, and no word of what is black")
    return 0.0, high


def _white(largest: float, is_float: bool, most: float) -> float:
    """Return what is white where the file does not say: the largest number of a usual kind.

    `most` is that of 16 bits.
    """
    if is_float and largest <= 1.5:
        return 1.0
    if largest <= 255 * (_OVERSHOOT if is_float else 1) and not (is_float and largest < 16):
        return 255.0
    if _DARKEST < largest <= most:
        return most
    raise ValueError(f"grey up to {largest:g}, and no word of what is white")


def _range(tags: Mapping[int, Any], low: int, high: int) -> tuple[float | None, float | None]:
    least, largest = (
        None if tags.get(name) is None else float(_first(tags[name])) for name in (low, high)
    )
    return least, largest


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value
