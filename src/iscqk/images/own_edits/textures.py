"""Grain, glitches, weather and patterns over the image."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.pixels import as_floats, as_image, centred
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def film_grain(image: Image.Image, amount: float, coarse: bool, seed: int) -> Image.Image:
    """The grain of film: in brightness only, most in the middle tones."""
    rng = np.random.default_rng(seed)
    width, height = image.size
    size = (max(1, width // 2), max(1, height // 2)) if coarse else image.size
    grain = rng.standard_normal(size[::-1], dtype=np.float32)
    if coarse:
        grain = np.asarray(Image.fromarray(grain).resize(image.size, Image.Resampling.BICUBIC))
    return as_image(as_floats(image) + amount * grain[..., None])


def salt_and_pepper(image: Image.Image, share: float, seed: int) -> Image.Image:
    """Single pixels turned white or black."""
    chance = np.random.default_rng(seed).random((image.height, image.width), dtype=np.float32)
    pixels = np.array(image)
    pixels[chance < share / 2] = 0
    pixels[chance > 1 - share / 2] = 255
    return Image.fromarray(pixels)


def jpeg_repeated(image: Image.Image, qualities: Sequence[int], scale: float) -> Image.Image:
    """Saved as a JPEG time and again, at another size in between."""
    size = image.size
    for number, quality in enumerate(qualities):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        image = Image.open(file).convert("RGB")
        if number == 0 and len(qualities) > 1:
            image = image.resize((max(8, round(size[0] * scale)), max(8, round(size[1] * scale))))
    return image.resize(size)


def scanlines(image: Image.Image, amount: float, period: int, upright: bool) -> Image.Image:
    """Dark lines, as on an old screen."""
    lines = np.arange(image.width if upright else image.height) % period < (period + 1) // 2
    light = np.where(lines, 1 - amount, 1.0).astype(np.float32)
    shaped = light[None, :, None] if upright else light[:, None, None]
    return as_image(as_floats(image) * shaped)


def glitch_blocks(image: Image.Image, count: int, reach: float, seed: int) -> Image.Image:
    """Blocks of a broken file: moved, or with their channels exchanged."""
    rng = np.random.default_rng(seed)
    pixels = np.array(image)
    height, width = pixels.shape[:2]
    for _ in range(count):
        top, left = int(rng.integers(height)), int(rng.integers(width))
        bottom = top + 1 + int(height * reach * rng.uniform(0.1, 0.5))
        right = left + 1 + int(width * reach * rng.uniform(0.3, 1.0))
        block = np.roll(pixels[top:bottom, left:right], int(rng.integers(width)), axis=1)
        pixels[top:bottom, left:right] = block[..., rng.permutation(3)]
    return Image.fromarray(pixels)


def pixel_sort(image: Image.Image, share: float, bands: int, seed: int) -> Image.Image:
    """In some bands of rows, a stretch of pixels is sorted by brightness."""
    rng = np.random.default_rng(seed)
    pixels = np.array(image)
    height, width = pixels.shape[:2]
    for top in rng.uniform(0, 1, bands) * height:
        rows = slice(int(top), int(top) + 1 + int(height * share / bands))
        left = int(rng.uniform(0, 0.5) * width)
        part = pixels[rows, left : left + 1 + width // 2]
        order = part.sum(axis=-1, dtype=np.int32).argsort(axis=1)
        pixels[rows, left : left + 1 + width // 2] = np.take_along_axis(part, order[..., None], 1)
    return Image.fromarray(pixels)


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


def scratches(image: Image.Image, count: int, seed: int) -> Image.Image:
    """Scratches, hairs and dust, as on an old film."""
    rng = np.random.default_rng(seed)
    page = image.copy()
    draw = ImageDraw.Draw(page)
    for number in range(count):
        level = (235,) * 3 if rng.random() < 0.7 else (20,) * 3
        x, y = rng.uniform(0, 1, 2) * image.size
        if number % 3:
            draw.circle((x, y), rng.uniform(0.3, 0.012 * min(image.size) + 0.4), level)
        else:
            drift, length = rng.uniform(-0.03, 0.03) * image.width, rng.uniform(0.2, 1)
            draw.line(
                (x, y - length * image.height / 2, x + drift, y + length * image.height / 2), level
            )
    return Image.blend(image, page, 0.8)


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


def _jpeg(draw: ParameterSampler) -> Parameters:
    times = draw.choice((2, 3))
    return {
        "qualities": [round(draw.at_strength(90, draw.uniform(6, 20))) for _ in range(times)],
        "scale": draw.at_strength(0.95, draw.uniform(0.4, 0.8)),
    }


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
    "film_grain": Edit(
        film_grain,
        lambda draw: {
            "amount": draw.at_strength(4, 45),
            "coarse": draw.choice((False, True)),
            "seed": draw.seed(),
        },
    ),
    "glitch_blocks": Edit(
        glitch_blocks,
        lambda draw: {
            "count": round(draw.at_strength(2, 14)),
            "reach": draw.at_strength(0.1, 0.6),
            "seed": draw.seed(),
        },
    ),
    "grid_overlay": Edit(grid_overlay, _grid),
    "jpeg_repeated": Edit(jpeg_repeated, _jpeg),
    "light_leak": Edit(light_leak, _light),
    "pixel_sort": Edit(
        pixel_sort,
        lambda draw: {
            "share": draw.at_strength(0.05, 0.8),
            "bands": draw.choice(range(2, 7)),
            "seed": draw.seed(),
        },
    ),
    "rain": Edit(
        rain,
        lambda draw: {
            "count": round(draw.at_strength(20, 300)),
            "slant": draw.uniform(-0.5, 0.5),
            "seed": draw.seed(),
        },
    ),
    "salt_and_pepper": Edit(
        salt_and_pepper,
        lambda draw: {"share": draw.at_strength(0.003, 0.3), "seed": draw.seed()},
    ),
    "scanlines": Edit(
        scanlines,
        lambda draw: {
            "amount": draw.at_strength(0.06, 0.8),
            "period": draw.choice((2, 3, 4, 6)),
            "upright": draw.choice((False, False, True)),
        },
    ),
    "scratches": Edit(
        scratches, lambda draw: {"count": round(draw.at_strength(6, 90)), "seed": draw.seed()}
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
