"""Weather, light and patterns over the image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.pixels import as_floats, as_image, centred
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def rain(image: Image.Image, count: int, slant: float, seed: int) -> Image.Image:
    """Streaks of rain."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform(-0.1, 1, (count, 2)) * image.size
    lengths = rng.uniform(0.06, 0.16, count) * image.height
    line = max(1, round(min(image.size) / 110))
    page = image.copy()
    draw = ImageDraw.Draw(page)
    for (x, y), length in zip(starts.tolist(), lengths.tolist(), strict=True):
        draw.line((x, y, x + slant * length, y + length), (225, 228, 235), line)
    return Image.blend(image, page, 0.65)


def snow(image: Image.Image, count: int, size: float, seed: int) -> Image.Image:
    """Flakes of snow, the near ones large."""
    rng = np.random.default_rng(seed)
    middles = rng.uniform(0, 1, (count, 2)) * image.size
    radii = rng.uniform(0.2, 1, count) ** 2 * size * min(image.size)
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    for middle, radius in zip(middles.tolist(), radii.tolist(), strict=True):
        draw.circle(middle, radius, 235)
    page = image.copy()
    page.paste((250, 250, 255), (0, 0), mask.filter(ImageFilter.BoxBlur(0.6)))
    return page


def grid_overlay(
    image: Image.Image, cells: int, width: float, degrees: float, colour: Sequence[int]
) -> Image.Image:
    """Lines crossing each other, `width` of the cells' side."""
    x, y = centred(image.size)
    angle, aspect = np.deg2rad(degrees), image.height / image.width
    across = np.cos(angle) * x + np.sin(angle) * y * aspect
    down = -np.sin(angle) * x + np.cos(angle) * y * aspect
    lines = ((across * cells / 2) % 1 < width) | ((down * cells / 2) % 1 < width)
    return _painted(image, lines, colour)


def checker_overlay(
    image: Image.Image, cells: int, opacity: float, colour: Sequence[int]
) -> Image.Image:
    """Every second square of a chessboard is tinted."""
    x = np.arange(image.width) * cells // image.width
    y = np.arange(image.height) * cells // image.height
    tinted = _painted(image, (x[None] + y[:, None]) % 2 == 0, colour)
    return Image.blend(image, tinted, opacity)


def dots_overlay(
    image: Image.Image, cells: int, radius: float, colour: Sequence[int]
) -> Image.Image:
    """Dots in rows; `radius` of the distance between them."""
    x, y = centred(image.size)
    aspect = image.height / image.width
    u, v = (x * cells / 2) % 1 - 0.5, (y * aspect * cells / 2) % 1 - 0.5
    return _painted(image, u * u + v * v < radius * radius, colour)


def light_leak(
    image: Image.Image, amount: float, place: Sequence[float], colour: Sequence[int]
) -> Image.Image:
    """Light that fell on the film, or a lamp's glare."""
    x, y = centred(image.size)
    distance = (x - place[0]) ** 2 + (y - place[1]) ** 2
    light = amount * np.exp(-1.5 * distance)[..., None] * np.array(colour, dtype=np.float32)
    pixels = as_floats(image)
    return as_image(pixels + light * (1 - pixels / 255))


def _painted(image: Image.Image, where: np.ndarray, colour: Sequence[int]) -> Image.Image:
    pixels = np.array(image)
    pixels[where] = colour
    return Image.fromarray(pixels)


def _light(draw: ParameterSampler) -> Parameters:
    side = draw.choice((-1, 1))
    place = (side, draw.uniform(-1, 1))
    return {
        "amount": draw.at_strength(0.1, 1.2),
        "place": draw.choice((place, place[::-1], (0.3, -0.4))),
        "colour": draw.choice(((255, 150, 60), (255, 80, 60), (255, 255, 255), (255, 220, 120))),
    }


def _grid(draw: ParameterSampler) -> Parameters:
    return {
        "cells": draw.choice(range(4, 14)),
        "width": draw.at_strength(0.04, 0.35),
        "degrees": draw.choice((0.0, 45.0, draw.uniform(0, 90))),
        "colour": draw.colour(),
    }


EDITS = {
    "checker_overlay": Edit(
        checker_overlay,
        lambda draw: {
            "cells": draw.choice(range(3, 17)),
            "opacity": draw.at_strength(0.05, 0.9),
            "colour": draw.colour(),
        },
    ),
    "dots_overlay": Edit(
        dots_overlay,
        lambda draw: {
            "cells": draw.choice(range(6, 25)),
            "radius": draw.at_strength(0.1, 0.42),
            "colour": draw.colour(),
        },
    ),
    "grid_overlay": Edit(grid_overlay, _grid),
    "light_leak": Edit(light_leak, _light),
    "rain": Edit(
        rain,
        lambda draw: {
            "count": round(draw.at_strength(20, 300)),
            "slant": draw.uniform(-0.5, 0.5),
            "seed": draw.seed(),
        },
    ),
    "snow": Edit(
        snow,
        lambda draw: {
            "count": round(draw.at_strength(15, 160)),
            "size": draw.uniform(0.015, 0.04),
            "seed": draw.seed(),
        },
    ),
}
