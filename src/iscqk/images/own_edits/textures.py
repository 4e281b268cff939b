"""Grain, scratches and the faults of files and screens."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.pixels import as_floats, as_image
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def film_grain(image: Image.Image, amount: float, coarse: bool, seed: int) -> Image.Image:
    """The grain of film: in brightness only."""
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


def _jpeg(draw: ParameterSampler) -> Parameters:
    times = draw.choice((2, 3))
    return {
        "qualities": [round(draw.at_strength(90, draw.uniform(6, 20))) for _ in range(times)],
        "scale": draw.at_strength(0.95, draw.uniform(0.4, 0.8)),
    }


EDITS = {
    "film_grain": Edit(
        film_grain,
        lambda draw: {
            "amount": draw.at_strength(4, 45),
            "coarse": draw.either(),
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
    "jpeg_repeated": Edit(jpeg_repeated, _jpeg),
    "pixel_sort": Edit(
        pixel_sort,
        lambda draw: {
            "share": draw.at_strength(0.05, 0.8),
            "bands": draw.choice(range(2, 7)),
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
}
