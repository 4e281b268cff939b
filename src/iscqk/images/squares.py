"""Images as squares of pixels, which is what encoders take."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from iscqk.images.opening import ImageInput
from iscqk.images.transparency import extremes
from iscqk.images.verified import open_verified_at_sizes

_ONE_COLOUR = 8  # of 255: noise and compression make less of one colour


class Squares(NamedTuple):
    """An image at several sides.

    Attributes:
        pixels: uint8 (side, side, 3) for each.
        flat: whether it is of one colour, of which nothing can be said; at the first side.
    """

    pixels: list[NDArray[np.uint8]]
    flat: bool


def squeezed(image: Image.Image, side: int) -> Image.Image:
    """Squeeze an RGB image to a square of `side` pixels."""
    # Aspect ratio is given up on purpose: a copy is often cropped or stretched, so it says little.
    return image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)


def squares_of(source: ImageInput, sides: Sequence[int]) -> Squares:
    """Return an image at several sides in pixels.

    Raises:
        BadImage: it cannot be read, or is another than was listed.
    """
    images = open_verified_at_sizes(source, sides)
    squares = [squeezed(*each) for each in zip(images, sides, strict=True)]
    return Squares([np.array(square) for square in squares], is_flat(squares[0]))


def is_flat(image: Image.Image) -> bool:
    """Return whether an image of 8 bits a band is of one colour, but for noise and compression."""
    return all(high - low < _ONE_COLOUR for low, high in extremes(image))
