"""The image shown or printed, and photographed or scanned again."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits import laying
from iscqk.images.own_edits.pixels import Floats, as_floats, as_image, centred, ramp, smooth_noise
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def photographed_screen(
    image: Image.Image,
    amount: float,
    tilt: Sequence[float],
    degrees: float,
    margin: float,
    cast: Sequence[float],
    seed: int,
) -> Image.Image:
    """A screen before a camera: moire, glare, a cast of colour, noise, and seen at an angle."""
    rng = np.random.default_rng(seed)
    pixels = as_floats(image) * (1 + 0.28 * amount * _moire(image.size, rng))
    pixels = pixels * (1 + amount * np.array(cast, dtype=np.float32))
    shown = as_image(_with_glare(pixels, 0.8 * amount, rng))
    room = Image.new("RGB", image.size, tuple(rng.integers(0, 60, 3).tolist()))
    corners = laying.tilted(laying.box_corners(0, 0, *image.size), tilt[0], tilt[1])
    corners = laying.turned(corners, degrees)
    middle = corners.mean(axis=0)
    seen = laying.lay(room, shown, middle + (corners - middle) * (1.04 - margin))
    return _with_noise(seen, 12 * amount, rng)


def scanned_print(
    image: Image.Image, amount: float, degrees: float, margin: float, seed: int
) -> Image.Image:
    """On paper under the lid of a scanner: pale, a little askew, with dust and uneven light."""
    rng = np.random.default_rng(seed)
    paper = Image.new("RGB", image.size, (246, 243, 236))
    corners = laying.turned(laying.box_corners(0, 0, *image.size), degrees)
    middle = corners.mean(axis=0)
    page = laying.lay(paper, image, middle + (corners - middle) * (1 - margin))
    page = page.filter(ImageFilter.BoxBlur(0.8 * amount))
    light = 1 - 0.35 * amount * ramp(image.size, rng.uniform(0, 360))
    pixels = 255 - (255 - as_floats(page)) * (1 - 0.45 * amount)
    return _with_noise(as_image(pixels * light[..., None]), 10 * amount, rng)


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
        rows = np.arange(line, size[1], 2 * line)
        for y, end in zip(
            rows.tolist(), rng.choice([1, 1, 1, 0.6], len(rows)).tolist(), strict=True
        ):
            draw.rectangle((left, y, left + end * (right - left), y + line / 2), (70, 70, 75))
    picture = image.convert("L").convert("RGB") if grey else image
    corners = laying.fitted(picture, size, extent, place)
    white = Image.new("RGB", (4, 4), page.getpixel((0, 0)))
    page = laying.lay(page, white, laying.around(corners, 0.02 * min(size)))
    return laying.lay(page, picture, corners)


def projected(
    image: Image.Image, amount: float, degrees: float, colour: Sequence[int]
) -> Image.Image:
    """Thrown by a lamp on a wall: pale, with a bright middle."""
    x, y = centred(image.size)
    spot = np.exp(-0.9 * amount * (x * x + y * y))
    wall = np.array(colour, dtype=np.float32) * (0.25 + 0.2 * ramp(image.size, degrees)[..., None])
    return as_image(as_floats(image) * spot[..., None] * (1 - 0.35 * amount) + amount * wall)


def shadow_across(
    image: Image.Image, amount: float, degrees: float, place: float, width: float
) -> Image.Image:
    """The shadow of somebody or something falls over it."""
    along = ramp(image.size, degrees)
    dark = np.clip((width / 2 - np.abs(along - place)) * 12 + 0.5, 0, 1)
    return as_image(as_floats(image) * (1 - amount * dark[..., None]))


def _screen(x: Floats, y: Floats, degrees: float) -> Floats:
    """Return the threshold of a halftone's dots, -1 to 1."""
    angle = np.deg2rad(degrees)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return np.asarray(np.cos(cos * x + sin * y) * np.cos(cos * y - sin * x))


def _moire(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return two waves' interference, one for each channel, (height, width, 3), -1 to 1."""
    x, y = centred(size)
    frequency, angle = rng.uniform(8, 30), rng.uniform(0, np.pi)
    bend = rng.uniform(-6, 6, 2)
    along = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
    phase = (frequency * along + bend[0] * x * y + bend[1] * y * y).astype(np.float32)
    return np.stack([np.sin(phase + 2 * channel) for channel in range(3)], axis=-1)


def _with_glare(pixels: Floats, amount: float, rng: np.random.Generator) -> Floats:
    height, width = pixels.shape[:2]
    x, y = centred((width, height))
    px, py = rng.uniform(-0.9, 0.9, 2).astype(np.float32)
    light = np.exp(-6 * ((x - px) ** 2 + (y - py) ** 2))[..., None] * np.float32(amount)
    return pixels + light * (255 - pixels)


def _with_noise(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    noise = rng.standard_normal((image.height, image.width, 1), dtype=np.float32)
    return as_image(as_floats(image) + np.float32(amount) * noise)


def _tilt(draw: ParameterSampler) -> tuple[float, float]:
    return draw.signed(0.01, 0.25), draw.signed(0.01, 0.2)


def _screen_photo(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.08, 1),
        "tilt": _tilt(draw),
        "degrees": draw.signed(0.3, 12),
        "margin": draw.uniform(0, draw.at_strength(0.02, 0.3)),
        "cast": tuple(draw.uniform(-0.25, 0.25) for _ in range(3)),
        "seed": draw.seed(),
    }


def _scan(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.08, 1),
        "degrees": draw.signed(0.2, 6),
        "margin": draw.at_strength(0.01, 0.3),
        "seed": draw.seed(),
    }


def _folds(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.08, 0.9),
        "folds": draw.choice(((1, 2), (2, 1), (2, 2), (3, 2), (2, 3), (4, 2))),
        "degrees": draw.uniform(-4, 4),
    }


def _page(draw: ParameterSampler) -> Parameters:
    return {
        "extent": draw.at_strength(0.97, 0.35),
        "place": laying.anywhere(draw),
        "columns": draw.choice((1, 2, 3, 4)),
        "seed": draw.seed(),
        "grey": draw.choice((False, True)) and draw.strength > 0.2,
    }


def _shadow(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.08, 0.8),
        "degrees": draw.uniform(0, 180),
        "place": draw.uniform(0, 1),
        "width": draw.uniform(0.15, 0.7),
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
            "dots": draw.at_strength(60, 30),
            "degrees": draw.uniform(0, 90),
            "coloured": draw.choice((False, True)),
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
    "photographed_screen": Edit(photographed_screen, _screen_photo),
    "printed_page": Edit(printed_page, _page),
    "projected": Edit(
        projected,
        lambda draw: {
            "amount": draw.at_strength(0.08, 1),
            "degrees": draw.uniform(0, 360),
            "colour": draw.colour(),
        },
    ),
    "scanned_print": Edit(scanned_print, _scan),
    "shadow_across": Edit(shadow_across, _shadow),
}
