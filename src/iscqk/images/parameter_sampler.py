"""What the parameters of an edit are sampled with."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageOps

from iscqk.images.sanitize import sanitize

Backgrounds = Callable[[np.random.Generator], Image.Image]
Choice = TypeVar("Choice")
Colour = tuple[int, int, int]
Parameters = dict[str, Any]  # AugLy's arguments, in values that JSON can hold


@dataclass(frozen=True)
class ParameterSampler:
    """Samples the parameters of one edit.

    Strength decides how much, the generator everything else: direction, place, colour, text. So
    with the same generator more strength is the same edit, only more of it. Numbers have four
    decimals, to be read by people.
    """

    size: tuple[int, int]  # width and height of the image to be edited, in pixels
    strength: float  # in [0, 1]
    rng: np.random.Generator
    backgrounds: Backgrounds

    def at_strength(self, mild: float, severe: float) -> float:
        """Return the point between `mild` (strength 0) and `severe` (strength 1)."""
        return round(mild + (severe - mild) * self.strength, 4)

    def signed(self, mild: float, severe: float) -> float:
        """Return the same with either sign."""
        return self.choice((-1, 1)) * self.at_strength(mild, severe)

    def factor(self, low: float, high: float) -> float:
        """Return a multiplier between 1 (strength 0: almost) and `low` or `high`."""
        end = self.choice((low, high))
        return self.at_strength(1 + (end - 1) * 0.05, end)

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high], whatever the strength."""
        return round(float(self.rng.uniform(low, high)), 4)

    def choice(self, options: Sequence[Choice]) -> Choice:
        """Return one of `options`, whatever the strength."""
        return options[int(self.rng.integers(len(options)))]

    def colour(self) -> Colour:
        """Return red, green and blue in 0..255."""
        red, green, blue = (int(value) for value in self.rng.integers(256, size=3))
        return red, green, blue

    def plain_colour(self) -> Colour:
        """Return white, black or any colour: what borders, bars and letters have."""
        return self.choice(((255, 255, 255), (0, 0, 0), self.colour()))

    def anywhere(self) -> tuple[float, float]:
        """Return a place across and down, both from 0 to 1."""
        return self.uniform(0, 1), self.uniform(0, 1)

    def either(self) -> bool:
        """Return yes or no."""
        return self.choice((False, True))

    def seed(self) -> int:
        """Return a seed for a generator of numpy's."""
        return int(self.rng.integers(2**32))

    def place(self, width: float, height: float) -> dict[str, float]:
        """Return AugLy's `x_pos` and `y_pos` for a box inside the image, sizes as fractions."""
        return {
            "x_pos": self.uniform(0, max(0.0, 1 - width)),
            "y_pos": self.uniform(0, max(0.0, 1 - height)),
        }

    def another_image(self) -> Image.Image:
        """Return a background cut to the shape and size of the image to be edited."""
        return ImageOps.fit(sanitize(self.backgrounds(self.rng)), self.size)

    def whole_photo(self) -> Image.Image:
        """Return a background in its own shape, of about as many pixels as the image has."""
        photo = sanitize(self.backgrounds(self.rng))
        scale = math.sqrt(math.prod(self.size) / math.prod(photo.size))
        return photo if 0.8 < scale < 1.25 else photo.resize(_scaled(photo.size, scale, scale))

    def ground(self) -> Image.Image:
        """Return the same to lay the image on: at strength 0 cut to nearly the image's shape."""
        photo = self.whole_photo()
        across, down = (mine / its for mine, its in zip(self.size, photo.size, strict=True))
        squeeze = (across / down) ** (1 - self.strength)
        return ImageOps.fit(photo, _scaled(photo.size, min(1, squeeze), min(1, 1 / squeeze)))


def _scaled(size: tuple[int, int], across: float, down: float) -> tuple[int, int]:
    return max(8, round(size[0] * across)), max(8, round(size[1] * down))
