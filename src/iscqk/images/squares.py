"""Images as squares of pixels, which is what encoders take."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from iscqk.images.margins import without_margins
from iscqk.images.opening import ImageInput
from iscqk.images.transparency import extremes
from iscqk.images.verified import open_verified_at_sizes

_ONE_COLOUR = 8  # of 255: noise and compression make less of one colour


class Squares(NamedTuple):
    """An image at several sides.

    Attributes:
        pixels: uint8 (looks, side, side, 3) for each: the image, and if it is to be trimmed the
            same without its margins, or once more where it has none.
        flat: whether it is of one colour, of which nothing can be said; at the first side.
    """

    pixels: list[NDArray[np.uint8]]
    flat: bool


def squeezed(image: Image.Image, side: int) -> Image.Image:
    """Squeeze an RGB image to a square of `side` pixels."""
    # Aspect ratio is given up on purpose: a copy is often cropped or stretched, so it says little.
    return image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)


def looks_at(image: Image.Image, side: int, trimmed: bool) -> NDArray[np.uint8]:
    """Return an RGB image as `Squares` has it at a side, (1, side, side, 3), trimmed (2, ...)."""
    whole = np.array(squeezed(image, side))
    if not trimmed:
        return whole[None]
    rest = without_margins(image)
    return np.stack([whole, whole if rest is None else np.array(squeezed(rest, side))])


def squares_of(source: ImageInput, sides: Sequence[int], trimmed: bool = False) -> Squares:
    """Return an image at several sides in pixels.

    Raises:
        BadImage: it cannot be read, or is another than was listed.
    """
    images = open_verified_at_sizes(source, sides)
    pixels = [looks_at(*each, trimmed) for each in zip(images, sides, strict=True)]
    return Squares(pixels, is_flat(Image.fromarray(pixels[0][0])))


def is_flat(image: Image.Image) -> bool:
    """Return whether an image of 8 bits a band is of one colour, but for noise and compression."""
    return all(high - low < _ONE_COLOUR for low, high in extremes(image))
