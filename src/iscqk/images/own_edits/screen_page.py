"""The screen of a telephone or computer, on which the screenshots of `screens` are drawn."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from iscqk.images.augly_adapter import font
from iscqk.images.own_edits.words import words
from iscqk.images.parameter_sampler import Colour

_LEAST_LETTERS = 5  # pixels; smaller ones are drawn as the grey lines they look like


class Box(NamedTuple):
    """A place on the screen, in hundredths of its width."""

    left: float
    top: float
    width: float
    height: float


@dataclass
class Window:
    """What is seen of a screen: all of it, or a part around the picture.

    Attributes:
        screen: width (100) and height of the whole.
        picture: where on it the picture is.
        reach: 0 is the picture alone, 1 the whole screen.
    """

    screen: tuple[float, float]
    picture: Box
    reach: float

    def seen(self) -> Box:
        """Return the part that is seen."""
        left, top, width, height = self.picture
        beyond = (self.screen[0] - left - width, self.screen[1] - top - height)
        seen_width = width + self.reach * (left + beyond[0])
        seen_height = height + self.reach * (top + beyond[1])
        return Box(left * (1 - self.reach), top * (1 - self.reach), seen_width, seen_height)


@dataclass
class Page:
    """A page to draw on, in hundredths of the screen's width.

    Attributes:
        window: what is seen of the screen.
        picture: the picture that is shown, from whose area in pixels the page has its own.
        dark: light letters on dark ground.
        rng: decides words and colours.
    """

    window: Window
    picture: Image.Image
    dark: bool
    rng: np.random.Generator
    image: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        """Start with the ground and the picture on it."""
        self.seen = self.window.seen()
        area = self.picture.width * self.picture.height
        self.scale = (area / (self.seen.width * self.seen.height)) ** 0.5
        size = (max(8, round(part * self.scale)) for part in self.seen[2:])
        self.image = Image.new("RGB", tuple(size), self.tone(0))
        self.draw = ImageDraw.Draw(self.image)
        self.show(self.picture, self.window.picture)

    def tone(self, level: float) -> Colour:
        """Return a grey: 0 is that of the ground, 1 that of the letters."""
        grey = round(18 + 222 * level if self.dark else 255 - 235 * level)
        return grey, grey, grey

    def colour(self) -> Colour:
        """Return any colour that is neither very dark nor very light."""
        red, green, blue = self.rng.integers(50, 220, 3).tolist()
        return red, green, blue

    def pixels(self, box: Box) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom on the image."""
        left = round((box.left - self.seen.left) * self.scale)
        top = round((box.top - self.seen.top) * self.scale)
        width, height = (
            max(1, round(box.width * self.scale)),
            max(1, round(box.height * self.scale)),
        )
        return left, top, left + width, top + height

    def show(self, picture: Image.Image, box: Box) -> None:
        """Show a picture, squeezed into a box."""
        left, top, right, bottom = self.pixels(box)
        self.image.paste(picture.resize((right - left, bottom - top)), (left, top))

    def bar(self, box: Box, colour: Colour, rounded: float = 0) -> None:
        """Draw a box, its corners `rounded`."""
        left, top, right, bottom = self.pixels(box)
        corners = (left, top, right - 1, bottom - 1)
        if rounded:
            self.draw.rounded_rectangle(corners, rounded * self.scale, colour)
        else:
            self.draw.rectangle(corners, colour)

    def dot(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Draw a disc, such as an icon or somebody's portrait."""
        left, top, right, bottom = self.pixels(Box(x - radius, y - radius, 2 * radius, 2 * radius))
        self.draw.ellipse((left, top, right - 1, bottom - 1), colour)

    def row_of_dots(self, box: Box, count: int, radius: float, colour: Colour) -> None:
        """Draw icons, evenly spread over a box."""
        for number in range(count):
            x = box.left + (number + 0.5) * box.width / count
            self.dot(x, box.top + box.height / 2, radius, colour)

    def line(self, x: float, y: float, count: int, size: float, level: float = 1.0) -> None:
        """Write random words, or grey lines where they are too small to read; y is the middle."""
        tone = self.tone(level)
        if size * self.scale >= _LEAST_LETTERS:
            left, top, _, _ = self.pixels(Box(x, y, 1, 1))
            letters = font("OpenSans-Regular.ttf", round(size * self.scale))
            self.draw.text((left, top), words(self.rng, count), tone, letters, "lm")
        else:
            width = count * size * self.rng.uniform(1.8, 2.6)
            self.bar(Box(x, y - size / 4, width, size / 2), self.tone(0.6 * level))

    def lines(self, x: float, top: float, bottom: float, count: int, size: float) -> None:
        """Write line under line from `top` to `bottom`, of about `count` words each."""
        for y in np.arange(top + size, bottom, 1.9 * size).tolist():
            self.line(x, y, int(self.rng.integers(count // 2 + 1, count + 1)), size, 0.8)
