"""What the edits are made of: pictures as arrays, and everything random about one query."""

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont

from iscqk.images.opening import ImageInput
from iscqk.images.verified import open_verified

Picture = NDArray[np.uint8]  # (height, width, 3), RGB
Colour = tuple[int, int, int]
Option = TypeVar("Option")

_WORDS = (
    *("when you finally see it", "best day ever", "SALE", "so true", "follow for more", "2 h ago"),
    *("summer 2019", "wait for it", "do not share", "breaking news", "I can't even", "throwback"),
    *("#nofilter", "link in bio", "LOL", "from my walk today", "sample", "who else remembers?"),
)


def open_picture(path: ImageInput, side: int) -> Picture:
    """Return the picture at a path, its longest side `side` pixels.

    Raises:
        UserError: it cannot be read, or is not what its manifest lists.
    """
    image = open_verified(path, side)
    scale = side / max(image.size)
    size = max(round(image.width * scale), 8), max(round(image.height * scale), 8)
    return np.array(image.resize(size, Image.Resampling.BICUBIC))


class Draws:
    """The choices of one query, in their order, from one generator.

    Attributes:
        rng: the generator.
    """

    def __init__(self, rng: np.random.Generator, others: Sequence[ImageInput], side: int) -> None:
        """Take where other photographs come from, and the longest side that they get."""
        self.rng, self._others, self._side = rng, others, side

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return float(self.rng.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both among them."""
        return int(self.rng.integers(low, high, endpoint=True))

    def one_of(self, options: Sequence[Option]) -> Option:
        """Return one of several."""
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        """Return True in this share of the calls."""
        return bool(self.rng.random() < share)

    def colour(self) -> Colour:
        """Return any colour."""
        red, green, blue = self.rng.integers(0, 256, 3).tolist()
        return red, green, blue

    def words(self) -> str:
        """Return what people write on pictures."""
        return self.one_of(_WORDS)

    def other(self) -> Picture:
        """Return another photograph."""
        return open_picture(self.one_of(self._others), self._side)

    def noise(self, picture: Picture) -> NDArray[np.float32]:
        """Return normal numbers in the shape of a picture."""
        return self.rng.standard_normal(picture.shape, dtype=np.float32)


def clipped(values: NDArray[np.floating]) -> Picture:
    """Return a picture of numbers from 0 to 255, what is beyond cut off."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def resized(picture: Picture, width: float, height: float) -> Picture:
    """Return a picture in another size in pixels, at least 4 x 4."""
    size = max(round(width), 4), max(round(height), 4)
    shrinks = size[0] < picture.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=way))


def filling(picture: Picture, width: int, height: int) -> Picture:
    """Return the middle of a picture, scaled to fill these pixels."""
    tall, wide = picture.shape[:2]
    scale = max(width / wide, height / tall)
    scaled = resized(picture, max(wide * scale, width), max(tall * scale, height))
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return scaled[top : top + height, left : left + width].copy()


def covering(share: float, width: int, height: int, picture: Picture) -> tuple[int, int]:
    """Return width and height of a picture so that it covers a share of the area given.

    It keeps its form and stays within.
    """
    tall, wide = picture.shape[:2]
    scale = min((share * width * height / (wide * tall)) ** 0.5, width / wide, height / tall)
    return max(round(wide * scale), 4), max(round(tall * scale), 4)


def font(size: float) -> ImageFont.FreeTypeFont:
    """Return the font that Pillow holds in itself, the same on every machine."""
    found = ImageFont.load_default(max(size, 6))
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found
