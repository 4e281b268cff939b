"""Bars and panels with words: memes, banners, captions beside the image."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

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
    letters = font_that_fits(text, font_file, 0.62 * bar / line_count(text), 0.94 * image.width)
    write(page, text_mask(text, letters), middle, MIDDLE, contrast(colour))
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
    letters = font_that_fits(text, font_file, 1.2 * half / line_count(text), 0.95 * image.width)
    write(page, text_mask(text, letters), (image.width / 2, y), MIDDLE, contrast(colour))
    return page


def meme_text(image: Image.Image, top: str, bottom: str, size: float) -> Image.Image:
    """White capitals above and below, the way of memes since their first days."""
    page = image.copy()
    for text, end in ((top, 0), (bottom, 1)):
        letters = font_that_fits(text, "Impact.ttf", size * image.height, 0.96 * image.width)
        place = (image.width / 2, (0.98 * end + 0.02 * (1 - end)) * image.height)
        write(page, text_mask(text, letters), place, (0.5, end), WHITE, BLACK)
    return page


def meme_panel(image: Image.Image, text: str, height: float, dark: bool) -> Image.Image:
    """A remark above the image, within one border around both."""
    panel, border = max(4, round(height * image.height)), max(1, round(0.03 * image.width))
    ground = (21, 32, 43) if dark else WHITE
    size = (image.width + 2 * border, image.height + panel + border)
    page = Image.new("RGB", size, ground)
    page.paste(image, (border, panel))
    letters = font_that_fits(
        text, "OpenSans-Regular.ttf", 0.6 * panel / line_count(text), image.width
    )
    lines = text_mask(text, letters, "left")
    write(page, lines, (border, panel / 2), (0, 0.5), contrast(ground))
    return page


def _bar(draw: ParameterSampler) -> Parameters:
    return {
        "text": random_text(draw.rng, 2, 8, draw.choice((1, 1, 2))),
        "font_file": draw.choice(FONTS),
        "height": draw.at_strength(0.06, 0.5),
        "colour": draw.plain_colour(),
    }


def _meme(draw: ParameterSampler) -> Parameters:
    top, bottom = (random_text(draw.rng, 2, 6, draw.choice((1, 2))).upper() for _ in range(2))
    return {"top": top, "bottom": bottom, "size": draw.at_strength(0.05, 0.2)}


def _panel(draw: ParameterSampler) -> Parameters:
    return {
        "text": random_text(draw.rng, 6, 16, draw.choice((2, 3))),
        "height": draw.at_strength(0.07, 0.6),
        "dark": draw.choice((False, False, True)),
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
    "caption_bar": Edit(caption_bar, lambda draw: {**_bar(draw), "below": draw.either()}),
    "meme_panel": Edit(meme_panel, _panel),
    "meme_text": Edit(meme_text, _meme),
}
