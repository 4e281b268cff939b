"""Words on the image: captions, subtitles, memes, watermarks and stamps."""

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageOps

from iscqk.images.edit_interface import Edit
from iscqk.images.overlay_parameters import FONTS
from iscqk.images.own_edits.words import font_that_fits, in_lines, text_mask, words, write
from iscqk.images.parameter_sampler import Colour, Parameters, ParameterSampler

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_MIDDLE = (0.5, 0.5)


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
    write(page, lines, middle, _MIDDLE, colour, _contrast(colour) if outlined else None)
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
    write(page, lines, (x, y), _MIDDLE, _contrast(colour))
    return page


def subtitles(image: Image.Image, text: str, size: float, yellow: bool) -> Image.Image:
    """A film's, at the bottom."""
    page = image.copy()
    letters = font_that_fits(text, "OpenSans-Regular.ttf", size * image.height, 0.94 * image.width)
    place = (image.width / 2, 0.96 * image.height)
    colour = (255, 230, 60) if yellow else _WHITE
    write(page, text_mask(text, letters), place, (0.5, 1), colour, _BLACK)
    return page


def caption_bar(
    image: Image.Image,
    text: str,
    font_file: str,
    height: float,
    below: bool,
    colour: Sequence[int],
) -> Image.Image:
    """A bar with text, added above or below the image; its height is of the image's."""
    bar = max(4, round(height * image.height))
    page = Image.new("RGB", (image.width, image.height + bar), tuple(colour))
    page.paste(image, (0, 0 if below else bar))
    middle = (image.width / 2, image.height + bar / 2 if below else bar / 2)
    letters = font_that_fits(text, font_file, 0.62 * bar / _lines(text), 0.94 * image.width)
    write(page, text_mask(text, letters), middle, _MIDDLE, _contrast(colour))
    return page


def banner(
    image: Image.Image,
    text: str,
    font_file: str,
    height: float,
    middle: float,
    colour: Sequence[int],
    opacity: float,
) -> Image.Image:
    """A band with text across the image."""
    half, y = height * image.height / 2, middle * image.height
    page = image.copy()
    ImageDraw.Draw(page).rectangle((0, y - half, image.width, y + half), tuple(colour))
    page = Image.blend(image, page, opacity)
    letters = font_that_fits(text, font_file, 1.2 * half / _lines(text), 0.95 * image.width)
    write(page, text_mask(text, letters), (image.width / 2, y), _MIDDLE, _contrast(colour))
    return page


def meme_text(image: Image.Image, top: str, bottom: str, size: float) -> Image.Image:
    """White capitals above and below, the way of memes since their first days."""
    page = image.copy()
    for text, end in ((top, 0), (bottom, 1)):
        letters = font_that_fits(text, "Impact.ttf", size * image.height, 0.96 * image.width)
        place = (image.width / 2, (0.98 * end + 0.02 * (1 - end)) * image.height)
        write(page, text_mask(text, letters), place, (0.5, end), _WHITE, _BLACK)
    return page


def meme_panel(image: Image.Image, text: str, height: float, dark: bool) -> Image.Image:
    """A remark above the image, within one border around both."""
    panel, border = max(4, round(height * image.height)), max(1, round(0.03 * image.width))
    ground = (21, 32, 43) if dark else _WHITE
    size = (image.width + 2 * border, image.height + panel + border)
    page = Image.new("RGB", size, ground)
    page.paste(image, (border, panel))
    letters = font_that_fits(text, "OpenSans-Regular.ttf", 0.6 * panel / _lines(text), image.width)
    lines = text_mask(text, letters, "left")
    write(page, lines, (border, panel / 2), (0, 0.5), _contrast(ground))
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
    write(page, seen, _middle(mask.size, image.size, place), _MIDDLE, colour)
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
    draw.polygon([(x - wide / 8, y), (x + wide / 8, y), end], _WHITE, _BLACK)
    box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    draw.ellipse(box, _WHITE, _BLACK, max(1, round(min(image.size) / 100)))
    letters = font_that_fits(text, "Lobster_1.3.ttf", 0.55 * high / _lines(text), 0.75 * wide)
    write(page, text_mask(text, letters), (x, y), _MIDDLE, _BLACK)
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


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _contrast(colour: Sequence[int]) -> Colour:
    return _BLACK if sum(colour) > 380 else _WHITE


def _text(draw: ParameterSampler, fewest: int, most: int, lines: int = 1) -> str:
    return in_lines(words(draw.rng, draw.choice(range(fewest, most + 1))), lines)


def _anywhere(draw: ParameterSampler) -> tuple[float, float]:
    return draw.uniform(0, 1), draw.uniform(0, 1)


def _flat_colour(draw: ParameterSampler) -> Colour:
    """White, black or any."""
    return draw.choice((_WHITE, _BLACK, draw.colour()))


def _caption(draw: ParameterSampler) -> Parameters:
    return {
        "text": _text(draw, 3, 12, draw.choice((1, 2, 3, 4))),
        "font_file": draw.choice(FONTS),
        "size": draw.at_strength(0.05, 0.24),
        "place": _anywhere(draw),
        "colour": _flat_colour(draw),
    }


def _bar(draw: ParameterSampler) -> Parameters:
    return {
        "text": _text(draw, 2, 8, draw.choice((1, 1, 2))),
        "font_file": draw.choice(FONTS),
        "height": draw.at_strength(0.06, 0.5),
        "colour": _flat_colour(draw),
    }


def _meme(draw: ParameterSampler) -> Parameters:
    top, bottom = (_text(draw, 2, 6, draw.choice((1, 2))).upper() for _ in range(2))
    return {"top": top, "bottom": bottom, "size": draw.at_strength(0.05, 0.2)}


def _panel(draw: ParameterSampler) -> Parameters:
    return {
        "text": _text(draw, 6, 16, draw.choice((2, 3))),
        "height": draw.at_strength(0.1, 0.6),
        "dark": draw.choice((False, False, True)),
    }


def _watermark(draw: ParameterSampler) -> Parameters:
    return {
        "text": _text(draw, 1, 2),
        "font_file": draw.choice(FONTS),
        "size": draw.uniform(0.06, 0.16),
        "degrees": draw.choice((0, 30, -30, 45)),
        "opacity": draw.at_strength(0.1, 0.85),
        "colour": _flat_colour(draw),
    }


def _stamp(draw: ParameterSampler) -> Parameters:
    return {
        "text": _text(draw, 1, 2).upper(),
        "extent": draw.at_strength(0.15, 0.9),
        "place": _anywhere(draw),
        "degrees": draw.uniform(-40, 40),
        "colour": draw.choice(((190, 20, 30), (20, 40, 160), _BLACK, _WHITE)),
        "opacity": draw.uniform(0.6, 0.95),
    }


def _bubble(draw: ParameterSampler) -> Parameters:
    return {
        "text": _text(draw, 2, 6, 2),
        "extent": draw.at_strength(0.15, 0.8),
        "place": _anywhere(draw),
        "tail": _anywhere(draw),
    }


def _subtitles(draw: ParameterSampler) -> Parameters:
    return {
        "text": _text(draw, 4, 12, draw.choice((1, 2))),
        "size": draw.at_strength(0.05, 0.16),
        "yellow": draw.choice((False, True)),
    }


def _date(draw: ParameterSampler) -> Parameters:
    month, day = draw.choice(range(1, 13)), draw.choice(range(1, 29))
    return {
        "text": f"{month:02}.{day:02}.{draw.choice(range(1990, 2025))}",
        "size": draw.at_strength(0.05, 0.16),
        "left": draw.choice((False, True)),
    }


EDITS = {
    "banner": Edit(
        banner,
        lambda draw: {
            **_bar(draw),
            "middle": draw.uniform(0.1, 0.9),
            "opacity": draw.uniform(0.5, 1),
        },
    ),
    "caption": Edit(
        caption, lambda draw: {**_caption(draw), "outlined": draw.choice((False, True))}
    ),
    "caption_bar": Edit(
        caption_bar, lambda draw: {**_bar(draw), "below": draw.choice((False, True))}
    ),
    "caption_boxed": Edit(
        caption_boxed, lambda draw: {**_caption(draw), "opacity": draw.uniform(0.5, 1)}
    ),
    "date_stamp": Edit(date_stamp, _date),
    "meme_panel": Edit(meme_panel, _panel),
    "meme_text": Edit(meme_text, _meme),
    "speech_bubble": Edit(speech_bubble, _bubble),
    "stamp": Edit(stamp, _stamp),
    "subtitles": Edit(subtitles, _subtitles),
    "watermark_tiled": Edit(watermark_tiled, _watermark),
}
