"""Words over the image: captions, subtitles, watermarks, stamps."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageOps

from iscqk.images.edit_interface import Edit
from iscqk.images.overlay_parameters import FONTS
from iscqk.images.own_edits.words import (
    BLACK,
    MIDDLE,
    WHITE,
    contrast,
    font_that_fits,
    line_count,
    random_text,
    text_mask,
    write,
)
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def caption(
    image: Image.Image,
    text: str,
    font_file: str,
    size: float,
    place: Sequence[float],
    colour: Sequence[int],
    outlined: bool,
) -> Image.Image:
    """Lines of text somewhere; `size` is a letter's, of the shorter side."""
    page = image.copy()
    lines = text_mask(
        text, font_that_fits(text, font_file, size * min(image.size), 0.95 * image.width)
    )
    middle = _middle(lines.size, image.size, place)
    write(page, lines, middle, MIDDLE, colour, contrast(colour) if outlined else None)
    return page


def caption_boxed(
    image: Image.Image,
    text: str,
    font_file: str,
    size: float,
    place: Sequence[float],
    colour: Sequence[int],
    opacity: float,
) -> Image.Image:
    """Lines of text on a box of a colour."""
    page = image.copy()
    letters = font_that_fits(text, font_file, size * min(image.size), 0.9 * image.width)
    lines = text_mask(text, letters)
    wide, high = (side + letters.size for side in lines.size)
    x, y = _middle((wide, high), image.size, place)
    box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    ImageDraw.Draw(page).rounded_rectangle(box, letters.size / 3, tuple(colour))
    page = Image.blend(image, page, opacity)
    write(page, lines, (x, y), MIDDLE, contrast(colour))
    return page


def subtitles(image: Image.Image, text: str, size: float, yellow: bool) -> Image.Image:
    """A film's, at the bottom."""
    page = image.copy()
    letters = font_that_fits(text, "OpenSans-Regular.ttf", size * image.height, 0.94 * image.width)
    place = (image.width / 2, 0.96 * image.height)
    colour = (255, 230, 60) if yellow else WHITE
    write(page, text_mask(text, letters), place, (0.5, 1), colour, BLACK)
    return page


def watermark_tiled(
    image: Image.Image,
    text: str,
    font_file: str,
    size: float,
    degrees: float,
    opacity: float,
    colour: Sequence[int],
) -> Image.Image:
    """The same words all over the image, slanted."""
    letters = font_that_fits(text, font_file, size * min(image.size), image.width)
    word = ImageOps.expand(text_mask(text, letters), max(2, round(letters.size / 2)))
    side = math.ceil(math.hypot(*image.size))
    wall = Image.new("L", (side, side))
    for row, y in enumerate(range(0, side, word.height)):
        for x in range(-(word.width // 2) * (row % 2), side, word.width):
            wall.paste(word, (x, y))
    left, top = (side - image.width) // 2, (side - image.height) // 2
    turned = wall.rotate(degrees, Image.Resampling.BILINEAR)
    mask = turned.crop((left, top, left + image.width, top + image.height))
    page = image.copy()
    page.paste(tuple(colour), (0, 0), mask.point(lambda level: round(level * opacity)))
    return page


def stamp(
    image: Image.Image,
    text: str,
    extent: float,
    place: Sequence[float],
    degrees: float,
    colour: Sequence[int],
    opacity: float,
) -> Image.Image:
    """A rubber stamp: a word in a frame, slanted; `extent` is its width, of the image's."""
    width = max(8.0, extent * image.width)
    letters = font_that_fits(text, "Chunkfive.ttf", 0.4 * min(width, image.height), 0.85 * width)
    mask = ImageOps.expand(text_mask(text, letters), max(3, round(letters.size / 3)))
    line = max(1, round(letters.size / 9))
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, mask.width - 1, mask.height - 1), 2 * line, outline=255, width=line
    )
    mask = mask.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    page = image.copy()
    seen = mask.point(lambda level: round(level * opacity))
    write(page, seen, _middle(mask.size, image.size, place), MIDDLE, colour)
    return page


def speech_bubble(
    image: Image.Image, text: str, extent: float, place: Sequence[float], tail: Sequence[float]
) -> Image.Image:
    """What somebody in the picture says; `extent` is the bubble's, of the image's sides."""
    wide, high = extent * image.width, 0.6 * extent * image.height
    x, y = _middle((wide, high), image.size, place)
    page = image.copy()
    draw = ImageDraw.Draw(page)
    end = (tail[0] * image.width, tail[1] * image.height)
    draw.polygon([(x - wide / 8, y), (x + wide / 8, y), end], WHITE, BLACK)
    box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    draw.ellipse(box, WHITE, BLACK, max(1, round(min(image.size) / 100)))
    letters = font_that_fits(text, "Lobster_1.3.ttf", 0.55 * high / line_count(text), 0.75 * wide)
    write(page, text_mask(text, letters), (x, y), MIDDLE, BLACK)
    return page


def date_stamp(image: Image.Image, text: str, size: float, left: bool) -> Image.Image:
    """The camera's date in a corner."""
    page = image.copy()
    letters = font_that_fits(text, "IBMPlexMono-Bold.ttf", size * image.height, 0.9 * image.width)
    place = ((0.04 if left else 0.96) * image.width, 0.96 * image.height)
    write(page, text_mask(text, letters), place, (0 if left else 1, 1), (255, 140, 30))
    return page


def _middle(
    size: Sequence[float], image_size: Sequence[float], place: Sequence[float]
) -> tuple[float, float]:
    """Return the middle of a box of this size at a place from 0 to 1, within the image."""
    x, y = (
        inner / 2 + at * max(0, outer - inner)
        for inner, outer, at in zip(size, image_size, place, strict=True)
    )
    return x, y


def _caption(draw: ParameterSampler) -> Parameters:
    return {
        "text": random_text(draw.rng, 3, 12, draw.choice((1, 2, 3, 4))),
        "font_file": draw.choice(FONTS),
        "size": draw.at_strength(0.05, 0.24),
        "place": draw.anywhere(),
        "colour": draw.plain_colour(),
    }


def _watermark(draw: ParameterSampler) -> Parameters:
    return {
        "text": random_text(draw.rng, 1, 2),
        "font_file": draw.choice(FONTS),
        "size": draw.uniform(0.06, 0.16),
        "degrees": draw.choice((0, 30, -30, 45)),
        "opacity": draw.at_strength(0.1, 0.85),
        "colour": draw.plain_colour(),
    }


def _stamp(draw: ParameterSampler) -> Parameters:
    return {
        "text": random_text(draw.rng, 1, 2).upper(),
        "extent": draw.at_strength(0.15, 0.9),
        "place": draw.anywhere(),
        "degrees": draw.uniform(-40, 40),
        "colour": draw.choice(((190, 20, 30), (20, 40, 160), BLACK, WHITE)),
        "opacity": draw.uniform(0.6, 0.95),
    }


def _bubble(draw: ParameterSampler) -> Parameters:
    return {
        "text": random_text(draw.rng, 2, 6, 2),
        "extent": draw.at_strength(0.15, 0.8),
        "place": draw.anywhere(),
        "tail": draw.anywhere(),
    }


def _subtitles(draw: ParameterSampler) -> Parameters:
    return {
        "text": random_text(draw.rng, 4, 12, draw.choice((1, 2))),
        "size": draw.at_strength(0.05, 0.16),
        "yellow": draw.either(),
    }


def _date(draw: ParameterSampler) -> Parameters:
    month, day = draw.choice(range(1, 13)), draw.choice(range(1, 29))
    return {
        "text": f"{month:02}.{day:02}.{draw.choice(range(1990, 2025))}",
        "size": draw.at_strength(0.05, 0.16),
        "left": draw.either(),
    }


EDITS = {
    "caption": Edit(caption, lambda draw: {**_caption(draw), "outlined": draw.either()}),
    "caption_boxed": Edit(
        caption_boxed, lambda draw: {**_caption(draw), "opacity": draw.uniform(0.5, 1)}
    ),
    "date_stamp": Edit(date_stamp, _date),
    "speech_bubble": Edit(speech_bubble, _bubble),
    "stamp": Edit(stamp, _stamp),
    "subtitles": Edit(subtitles, _subtitles),
    "watermark_tiled": Edit(watermark_tiled, _watermark),
}
