"""Sharpness and brushwork: blurs of motion and lens, glow, sketches and paintings."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageOps

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.pixels import as_image, ramp, shrunk
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

_DOUBLINGS = 4  # of the shift: the mean of 16 images in 4 steps


def motion_blur(image: Image.Image, length: float, degrees: float) -> Image.Image:
    """The camera moved by `length` of the shorter side."""
    angle, reach = np.deg2rad(degrees), length * min(image.size)
    x, y = float(np.cos(angle) * reach), float(np.sin(angle) * reach)
    for doubling in range(1, _DOUBLINGS + 1):
        image = Image.blend(image, _shifted(image, x / 2**doubling, y / 2**doubling), 0.5)
    return image


def zoom_blur(image: Image.Image, amount: float) -> Image.Image:
    """The lens was zoomed during the exposure."""
    for doubling in range(1, _DOUBLINGS + 1):
        image = Image.blend(image, _enlarged(image, 1 + amount / 2**doubling), 0.5)
    return image


def glow(image: Image.Image, amount: float, radius: float) -> Image.Image:
    """Light spreads, as through a soft lens."""
    soft = image.filter(ImageFilter.BoxBlur(radius * min(image.size)))
    return Image.blend(image, ImageChops.screen(image, soft), amount)


def tilt_shift(image: Image.Image, radius: float, middle: float, upright: bool) -> Image.Image:
    """Sharp in a band only, as a model landscape."""
    blurred = image.filter(ImageFilter.BoxBlur(radius * min(image.size)))
    distance = np.abs(ramp(image.size, 0 if upright else 90) - middle)
    return Image.composite(blurred, image, as_image(255 * np.clip(5 * distance - 0.5, 0, 1)))


def ghost(image: Image.Image, x: float, y: float, amount: float) -> Image.Image:
    """Exposed twice, the second time from elsewhere."""
    moved = _shifted(image, x * image.width, y * image.height)
    return Image.blend(image, moved, amount)


def frosted_glass(image: Image.Image, reach: float, seed: int) -> Image.Image:
    """Every pixel is taken from somewhere near."""
    width, height = image.size
    far = max(1, round(reach * min(image.size)))
    moves = np.random.default_rng(seed).integers(-far, far + 1, (2, height, width), dtype=np.int32)
    rows = (np.arange(height, dtype=np.int32)[:, None] + moves[0]).clip(0, height - 1)
    columns = (np.arange(width, dtype=np.int32) + moves[1]).clip(0, width - 1)
    return Image.fromarray(np.asarray(image)[rows, columns])


def halo(image: Image.Image, amount: float, radius: float) -> Image.Image:
    """Local contrast driven up, as by an HDR filter."""
    radius = max(1.0, radius * min(image.size))
    soft = ImageChops.invert(image.filter(ImageFilter.BoxBlur(radius)))
    detail = ImageChops.add(image, soft, 2)  # grey, with what the blur has lost
    return Image.blend(image, Image.blend(image, ImageChops.overlay(image, detail), 1.8), amount)


def pencil_sketch(image: Image.Image, amount: float, colour: bool) -> Image.Image:
    """Drawn with a pencil, or with crayons."""
    grey = image.convert("L")
    soft = grey.filter(ImageFilter.BoxBlur(max(1.0, min(image.size) / 40)))
    # Brightness by that around it: white but for lines.
    ratio = np.asarray(grey, dtype=np.float32) / np.maximum(np.asarray(soft, dtype=np.float32), 1)
    lines = as_image(255 * ratio**1.5).convert("RGB")
    if colour:
        lines = ImageChops.multiply(
            lines, Image.blend(image, Image.new("RGB", image.size, "white"), 0.3)
        )
    return Image.blend(image, lines, amount)


def painting(image: Image.Image, amount: float, colours: int, times: int) -> Image.Image:
    """Flat strokes of few colours, as in oil."""
    flat = Image.fromarray(_median(np.asarray(shrunk(image, 2)), times))
    few = flat.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    painted = few.convert("RGB").resize(image.size, Image.Resampling.BICUBIC)
    return Image.blend(image, painted, amount)


def median(image: Image.Image, radius: float) -> Image.Image:
    """Details are gone, edges are left; `radius` of the shorter side."""
    scale = max(1.0, radius * min(image.size) / 3)  # a larger one is a small one of a small image
    times = max(1, round(radius * min(image.size) / scale))
    smooth = _median(np.asarray(shrunk(image, scale)), times)
    return Image.fromarray(smooth).resize(image.size, Image.Resampling.BICUBIC)


def relief(image: Image.Image, amount: float, degrees: float) -> Image.Image:
    """Pressed into the paper, lit from a side."""
    angle = np.deg2rad(degrees)
    lit = ImageChops.subtract(
        image, _shifted(image, 2 * np.cos(angle), 2 * np.sin(angle)), 0.7, 128
    )
    return Image.blend(image, ImageOps.grayscale(lit).convert("RGB"), amount)


def outlines(image: Image.Image, amount: float, dark: bool) -> Image.Image:
    """Edges drawn over the image, or alone: light on dark or dark on light."""
    edges = ImageOps.autocontrast(image.convert("L").filter(ImageFilter.FIND_EDGES), 1)
    drawn = edges if dark else ImageChops.invert(edges)
    return Image.blend(image, drawn.convert("RGB"), amount)


def _shifted(image: Image.Image, x: float, y: float) -> Image.Image:
    """Return the image moved by pixels; its border is continued."""
    rows = np.arange(image.height) - round(y)
    columns = np.arange(image.width) - round(x)
    pixels = np.asarray(image)[rows.clip(0, image.height - 1)]
    return Image.fromarray(pixels[:, columns.clip(0, image.width - 1)])


def _enlarged(image: Image.Image, factor: float) -> Image.Image:
    width, height = image.size
    margin = (1 - 1 / factor) / 2
    box = (margin * width, margin * height, width - margin * width, height - margin * height)
    return image.resize(image.size, Image.Resampling.BILINEAR, box)


def _median(pixels: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """Return the median of three neighbours, down and across, time and again.

    Pillow's filter of 3 x 3 takes ten times as long.
    """
    for _ in range(times):
        for axis in (0, 1):
            ends = [(0, 0)] * 3
            ends[axis] = (1, 1)
            padded = np.pad(pixels, ends, "edge")
            count = pixels.shape[axis]
            a, b, c = (padded.take(range(at, at + count), axis) for at in range(3))
            pixels = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    return pixels


def _ghost(draw: ParameterSampler) -> Parameters:
    return {
        "x": draw.signed(0.02, 0.15),
        "y": draw.uniform(-0.1, 0.1),
        "amount": draw.at_strength(0.06, 0.5),
    }


def _tilt_shift(draw: ParameterSampler) -> Parameters:
    return {
        "radius": draw.at_strength(0.01, 0.08),
        "middle": draw.uniform(0.3, 0.7),
        "upright": draw.either(),
    }


EDITS = {
    "frosted_glass": Edit(
        frosted_glass, lambda draw: {"reach": draw.at_strength(0.005, 0.05), "seed": draw.seed()}
    ),
    "ghost": Edit(ghost, _ghost),
    "glow": Edit(
        glow, lambda draw: {"amount": draw.at_strength(0.1, 1), "radius": draw.uniform(0.03, 0.1)}
    ),
    "halo": Edit(
        halo, lambda draw: {"amount": draw.at_strength(0.1, 1), "radius": draw.uniform(0.03, 0.1)}
    ),
    "median": Edit(median, lambda draw: {"radius": draw.at_strength(0.005, 0.05)}),
    "motion_blur": Edit(
        motion_blur,
        lambda draw: {"length": draw.at_strength(0.01, 0.22), "degrees": draw.uniform(0, 180)},
    ),
    "outlines": Edit(
        outlines,
        lambda draw: {"amount": draw.at_strength(0.06, 0.9), "dark": draw.either()},
    ),
    "painting": Edit(
        painting,
        lambda draw: {
            "amount": draw.at_strength(0.15, 1),
            "colours": draw.choice((8, 16, 32)),
            "times": draw.choice((1, 2, 4)),
        },
    ),
    "pencil_sketch": Edit(
        pencil_sketch,
        lambda draw: {"amount": draw.at_strength(0.06, 0.95), "colour": draw.either()},
    ),
    "relief": Edit(
        relief,
        lambda draw: {"amount": draw.at_strength(0.06, 0.9), "degrees": draw.uniform(0, 360)},
    ),
    "tilt_shift": Edit(tilt_shift, _tilt_shift),
    "zoom_blur": Edit(zoom_blur, lambda draw: {"amount": draw.at_strength(0.02, 0.35)}),
}
