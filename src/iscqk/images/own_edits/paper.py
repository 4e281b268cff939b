"""Paper: folded, crumpled, printed in dots or among text, copied badly."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits import laying
from iscqk.images.own_edits.pixels import Floats, as_floats, as_image, centred, ramp, smooth_noise
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def halftone(
    image: Image.Image, amount: float, dots: float, degrees: float, coloured: bool
) -> Image.Image:
    """Printed in dots, of ink or of four colours; `dots` along the shorter side."""
    x, y = centred(image.size)
    scale = np.pi * dots / 2 / min(image.size)
    x, y = x * scale * image.width, y * scale * image.height
    pixels = as_floats(image if coloured else image.convert("L").convert("RGB"))
    screens = [_screen(x, y, degrees + 30 * channel * coloured) for channel in range(3)]
    # A dot grows as its place gets darker; its edge is as soft as a pixel.
    dotted = 127.5 + 2.5 * (pixels - 127.5 + 110 * np.stack(screens, axis=-1))
    return Image.blend(image, as_image(dotted), amount)


def photocopy(image: Image.Image, amount: float, level: int, seed: int) -> Image.Image:
    """A bad copy machine's: hard greys, streaks and specks."""
    rng = np.random.default_rng(seed)
    grey = as_floats(image.convert("L"))
    hard = 127.5 + (grey - level) * (1 + 2.5 * amount)
    streaks = rng.normal(0, 14 * amount, image.width)
    specks = rng.normal(0, 12 * amount, hard.shape)
    copied = as_image(hard + streaks + specks).convert("RGB")
    return Image.blend(image, copied, min(1.0, 0.1 + 1.5 * amount))


def folded_paper(
    image: Image.Image, amount: float, folds: Sequence[int], degrees: float
) -> Image.Image:
    """Folded into (columns, rows) and opened again: each field in a light of its own."""
    light = np.zeros((image.height, image.width), dtype=np.float32)
    for fields, angle in zip(folds, (degrees, degrees + 90), strict=True):
        along = ramp(image.size, angle) * fields
        crease = np.abs(along - np.round(along)) / fields
        within = (along > 0.3) & (along < fields - 0.3)
        light += 0.5 * ((along % 1) - 0.5) * np.where(along.astype(int) % 2, 1, -1)
        light += np.where(within, 0.9 * np.exp(-((crease / 0.008) ** 2)), 0)
    return as_image(
        as_floats(image) * (1 + amount * 0.7 * light[..., None]) + 40 * amount * light[..., None]
    )


def crumpled_paper(image: Image.Image, amount: float, cells: int, seed: int) -> Image.Image:
    """Crumpled and smoothed again."""
    rng = np.random.default_rng(seed)
    ridges = [
        np.abs(np.asarray(smooth_noise(image.size, count, rng), dtype=np.float32) - 128)
        for count in (cells, 2 * cells)
    ]
    height = ridges[0] + 0.5 * ridges[1]
    slope = height - np.roll(height, (1, 1), (0, 1))
    light = np.clip(slope / (np.abs(slope).mean() * 3 + 1e-6), -1, 1)
    return as_image(as_floats(image) * (1 + 0.45 * amount * light[..., None]))


def printed_page(
    image: Image.Image, extent: float, place: Sequence[float], columns: int, seed: int, grey: bool
) -> Image.Image:
    """In a newspaper or a document, among columns of text; `extent` of the page's sides."""
    rng = np.random.default_rng(seed)
    size = image.size
    tone = int(rng.integers(225, 256))
    page = Image.new("RGB", size, (tone, tone, tone - 8))
    draw = ImageDraw.Draw(page)
    line = max(2, round(min(size) / 32))
    for column in range(columns):
        left, right = ((column + at) * size[0] / columns for at in (0.06, 0.94))
        for y in range(line, size[1], 2 * line):
            end = right if rng.random() < 0.8 else (left + right) / 2
            draw.rectangle((left, y, end, y + line / 2), (70, 70, 75))
    picture = image.convert("L").convert("RGB") if grey else image
    corners = laying.fitted(picture, size, extent, place)
    free = laying.around(corners, 0.02 * min(size))
    draw.rectangle((*free[0].tolist(), *free[2].tolist()), page.getpixel((0, 0)))
    return laying.lay(page, picture, corners)


def _screen(x: Floats, y: Floats, degrees: float) -> Floats:
    """Return the threshold of a halftone's dots, -1 to 1."""
    angle = np.deg2rad(degrees)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return np.asarray(np.cos(cos * x + sin * y) * np.cos(cos * y - sin * x))


def _folds(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.08, 0.9),
        "folds": draw.choice(((1, 2), (2, 1), (2, 2), (3, 2), (2, 3), (4, 2))),
        "degrees": draw.uniform(-4, 4),
    }


def _page(draw: ParameterSampler) -> Parameters:
    return {
        "extent": draw.at_strength(0.97, 0.35),
        "place": draw.anywhere(),
        "columns": draw.choice((1, 2, 3, 4)),
        "seed": draw.seed(),
        "grey": draw.either() and draw.strength > 0.2,
    }


EDITS = {
    "crumpled_paper": Edit(
        crumpled_paper,
        lambda draw: {
            "amount": draw.at_strength(0.08, 1.2),
            "cells": draw.choice(range(4, 9)),
            "seed": draw.seed(),
        },
    ),
    "folded_paper": Edit(folded_paper, _folds),
    "halftone": Edit(
        halftone,
        lambda draw: {
            "amount": draw.at_strength(0.06, 1),
            "dots": draw.at_strength(75, 42),
            "degrees": draw.uniform(0, 90),
            "coloured": draw.either(),
        },
    ),
    "photocopy": Edit(
        photocopy,
        lambda draw: {
            "amount": draw.at_strength(0.03, 1),
            "level": draw.choice(range(90, 150)),
            "seed": draw.seed(),
        },
    ),
    "printed_page": Edit(printed_page, _page),
}
