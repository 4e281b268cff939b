"""Parts of the image painted over, blanked or made illegible."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.pixels import gradient, shrunk
from iscqk.images.own_edits.shapes import outline
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

Box = tuple[int, int, int, int]


def erase_boxes(
    image: Image.Image, share: float, count: int, fill: str, colour: Sequence[int], seed: int
) -> Image.Image:
    """Boxes of a colour, of noise or of the image's mean, together about `share` of it."""
    rng = np.random.default_rng(seed)
    pixels = np.array(image)
    mean = pixels.mean(axis=(0, 1))
    for left, top, right, bottom in _boxes(image.size, share, count, rng):
        part = pixels[top:bottom, left:right]
        if fill == "noise":
            part[:] = rng.integers(0, 256, part.shape, dtype=np.uint8)
        else:
            part[:] = mean if fill == "mean" else colour
    return Image.fromarray(pixels)


def erase_blobs(
    image: Image.Image, share: float, count: int, colour: Sequence[int], seed: int
) -> Image.Image:
    """Spots of paint."""
    rng = np.random.default_rng(seed)
    page = image.copy()
    draw = ImageDraw.Draw(page)
    radius = (share * image.width * image.height / count / 2.2) ** 0.5
    for _ in range(count):
        points = rng.uniform(0, 1, 2) * image.size + outline("blob", rng) * radius
        draw.polygon([(float(x), float(y)) for x, y in points], tuple(colour))
    return page


def censor(image: Image.Image, share: float, count: int, pixelated: bool, seed: int) -> Image.Image:
    """Boxes in which nothing can be made out, as over faces and number plates."""
    if pixelated:
        few = shrunk(image, 14, Image.Resampling.BOX)
        hidden = few.resize(image.size, Image.Resampling.NEAREST)
    else:
        hidden = image.filter(ImageFilter.BoxBlur(min(image.size) / 12))
    page = image.copy()
    for box in _boxes(image.size, share, count, np.random.default_rng(seed)):
        page.paste(hidden.crop(box), box)
    return page


def blank_bars(
    image: Image.Image, share: float, bars: int, upright: bool, colour: Sequence[int]
) -> Image.Image:
    """Broad bars, as of a fence or of ink over lines of text."""
    pixels = np.array(image)
    side = image.width if upright else image.height
    hidden = (np.arange(side) * bars / side + 0.5 * (1 - share)) % 1 > 1 - share
    if upright:
        pixels[:, hidden] = colour
    else:
        pixels[hidden] = colour
    return Image.fromarray(pixels)


def grid_mask(image: Image.Image, cells: int, share: float, colour: Sequence[int]) -> Image.Image:
    """A square out of every cell of a grid."""
    pixels = np.array(image)
    side = share**0.5
    columns = np.arange(image.width) * cells / image.width % 1 < side
    rows = np.arange(image.height) * cells / image.height % 1 < side
    pixels[rows[:, None] & columns] = colour
    return Image.fromarray(pixels)


def half_blank(
    image: Image.Image, share: float, side: str, colour: Sequence[int], colour_to: Sequence[int]
) -> Image.Image:
    """One side of the image is covered by a plain card with a gradient."""
    width, height = image.size
    upright = side in ("left", "right")
    span = max(1, round(share * (width if upright else height)))
    size = (span, height) if upright else (width, span)
    page = image.copy()
    x = width - span if side == "right" else 0
    y = height - span if side == "bottom" else 0
    page.paste(gradient(size, colour, colour_to), (x, y))
    return page


def _boxes(size: tuple[int, int], share: float, count: int, rng: np.random.Generator) -> list[Box]:
    """Return boxes anywhere within, of any shape, each an equal part of the share."""
    boxes = []
    for _ in range(count):
        area = share / count
        wide = min(1.0, area ** rng.uniform(0.35, 0.65))
        high = min(1.0, area / wide)
        width, height = max(1, round(wide * size[0])), max(1, round(high * size[1]))
        left = int(rng.integers(max(1, size[0] - width + 1)))
        top = int(rng.integers(max(1, size[1] - height + 1)))
        boxes.append((left, top, min(size[0], left + width), min(size[1], top + height)))
    return boxes


def _cover(draw: ParameterSampler) -> Parameters:
    return {
        "share": draw.at_strength(0.015, 0.55),
        "count": draw.choice((1, 1, 2, 3, 5, 8)),
        "seed": draw.seed(),
    }


EDITS = {
    "blank_bars": Edit(
        blank_bars,
        lambda draw: {
            "share": draw.at_strength(0.04, 0.5),
            "bars": draw.choice(range(2, 10)),
            "upright": draw.either(),
            "colour": draw.plain_colour(),
        },
    ),
    "censor": Edit(censor, lambda draw: {**_cover(draw), "pixelated": draw.either()}),
    "erase_blobs": Edit(erase_blobs, lambda draw: {**_cover(draw), "colour": draw.plain_colour()}),
    "erase_boxes": Edit(
        erase_boxes,
        lambda draw: {
            **_cover(draw),
            "colour": draw.plain_colour(),
            "fill": draw.choice(("colour", "mean", "noise")),
        },
    ),
    "grid_mask": Edit(
        grid_mask,
        lambda draw: {
            "cells": draw.choice(range(3, 11)),
            "share": draw.at_strength(0.02, 0.45),
            "colour": draw.plain_colour(),
        },
    ),
    "half_blank": Edit(
        half_blank,
        lambda draw: {
            "share": draw.at_strength(0.04, 0.6),
            "side": draw.choice(("left", "right", "top", "bottom")),
            "colour": draw.plain_colour(),
            "colour_to": draw.colour(),
        },
    ),
}
