"""Words, and how they are written on images."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from iscqk.images.augly_adapter import font
from iscqk.images.parameter_sampler import Colour

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
MIDDLE = (0.5, 0.5)  # where a text is anchored
WORDS = (
    "a about after again all and at back best but by can coffee copy day do every family first for "
    "found friends from game get go good great guys happy hello here home how I if in is it just "
    "know last life like look love made make me more morning my never new nice night no not now of "
    "off on one only or our out people photo please really sale say see so some still summer thank "
    "that the then there they think this time to today together too up very wait want we weekend "
    "well what when where who why with world year yes you your 2 7 10 24 50% 1999 2021 !!! ?"
).split()


def words(rng: np.random.Generator, count: int) -> str:
    """Return random words, which mean nothing together."""
    return " ".join(WORDS[number] for number in rng.integers(len(WORDS), size=count))


def font_that_fits(text: str, font_file: str, size: float, width: float) -> ImageFont.FreeTypeFont:
    """Return the font at a size in pixels, or smaller, so that no line is wider than `width`."""
    fitting = font(font_file, max(4, round(size)))
    longest = max(fitting.getlength(line) for line in text.split("\n"))
    if longest <= width:
        return fitting
    return font(font_file, max(4, int(fitting.size * width / longest)))


def random_text(rng: np.random.Generator, fewest: int, most: int, lines: int = 1) -> str:
    """Return from `fewest` to `most` random words, in so many lines at most."""
    chosen = words(rng, int(rng.integers(fewest, most + 1))).split()
    parts = np.array_split(np.array(chosen, dtype=object), lines)
    return "\n".join(" ".join(part) for part in parts if len(part))


def line_count(text: str) -> int:
    """Return the number of lines of a text."""
    return text.count("\n") + 1


def contrast(colour: Sequence[int]) -> Colour:
    """Return which of black and white can be read on a colour."""
    return BLACK if sum(colour) > 380 else WHITE


def text_mask(text: str, letters: ImageFont.FreeTypeFont, align: str = "center") -> Image.Image:
    """Return a mask (mode L) with a text in white, as large as the text is."""
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    options: dict[str, Any] = {"font": letters, "spacing": 2, "align": align}
    left, top, right, bottom = draw.multiline_textbbox((0, 0), text, **options)
    mask = Image.new("L", (max(1, math.ceil(right - left)), max(1, math.ceil(bottom - top))))
    ImageDraw.Draw(mask).multiline_text((-left, -top), text, 255, **options)
    return mask


def write(
    page: Image.Image,
    text: Image.Image,
    point: tuple[float, float],
    anchor: tuple[float, float],
    colour: Sequence[int],
    outline: Sequence[int] | None = None,
) -> None:
    """Write on a page, which is changed.

    Args:
        page: RGB.
        text: its mask.
        point: where on the page, in pixels.
        anchor: which point of the text comes there: (0, 0) its top left, (1, 1) its bottom right.
        colour: of the letters.
        outline: colour of the line around them, if there is one.
    """
    x, y = (
        round(at - part * side) for at, part, side in zip(point, anchor, text.size, strict=True)
    )
    if outline:
        # By shifts of the whole: Pillow's own stroke draws every letter again, which is slow.
        line = max(1, round(min(page.size) / 120))
        for dx in (-line, 0, line):
            for dy in (-line, 0, line):
                page.paste(tuple(outline), (x + dx, y + dy), text)
    page.paste(tuple(colour), (x, y), text)
