"""The image bent: lenses, waves and whirls."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from iscqk.images.edit_interface import Edit
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

Places = NDArray[np.floating[Any]]
# Where the picture at a place comes from; both from -1 to 1 and (rows, columns).
Bend = Callable[[Places, Places], tuple[Places, Places]]
_CELLS = 12  # along each side: the bend is exact at their corners and bilinear between


def bent(image: Image.Image, bend: Bend) -> Image.Image:
    """Return the image with every place taken from where `bend` says, or the nearest border."""
    corners = np.linspace(-1, 1, _CELLS + 1, dtype=np.float32)
    source = np.stack(bend(*np.meshgrid(corners, corners)), axis=-1)
    size = np.array(image.size, dtype=np.float32)
    pixels = (source + 1) / 2 * size
    pixels = pixels.clip(0, size - 0.01)  # beyond, Pillow would paint black
    mesh = _mesh(image.size, pixels)
    return image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _mesh(
    size: tuple[int, int], source: Places
) -> list[tuple[tuple[int, int, int, int], tuple[float, ...]]]:
    """Return Pillow's mesh: each box of the result with its corners in the image."""
    xs = np.linspace(0, size[0], _CELLS + 1).round().astype(int).tolist()
    ys = np.linspace(0, size[1], _CELLS + 1).round().astype(int).tolist()
    # North-west, south-west, south-east, north-east.
    corners = (source[:-1, :-1], source[1:, :-1], source[1:, 1:], source[:-1, 1:])
    quads = np.concatenate(corners, axis=-1).tolist()
    cells = [(row, column) for row in range(_CELLS) for column in range(_CELLS)]
    boxes = [(xs[c], ys[r], xs[c + 1], ys[r + 1]) for r, c in cells]
    return [
        (box, tuple(quads[r][c]))
        for box, (r, c) in zip(boxes, cells, strict=True)
        if box[0] < box[2] and box[1] < box[3]
    ]


def lens(image: Image.Image, amount: float) -> Image.Image:
    """A barrel (`amount` above 0) or a pincushion (below)."""

    def bend(x: Places, y: Places) -> tuple[Places, Places]:
        factor = (1 + amount * (x * x + y * y)) / (1 + max(0.0, amount))
        return x * factor, y * factor

    return bent(image, bend)


def bulge(image: Image.Image, amount: float, x: float, y: float) -> Image.Image:
    """A place blown up (`amount` above 0) or drawn in (below)."""

    def bend(u: Places, v: Places) -> tuple[Places, Places]:
        dx, dy = u - x, v - y
        factor = 1 - amount * np.exp(-4 * (dx * dx + dy * dy))
        return x + dx * factor, y + dy * factor

    return bent(image, bend)


def swirl(image: Image.Image, degrees: float, x: float, y: float) -> Image.Image:
    """Turned about a place, most in the middle."""

    def bend(u: Places, v: Places) -> tuple[Places, Places]:
        dx, dy = u - x, v - y
        angle = math.radians(degrees) * np.exp(-2.5 * (dx * dx + dy * dy))
        cos, sin = np.cos(angle), np.sin(angle)
        return x + cos * dx - sin * dy, y + sin * dx + cos * dy

    return bent(image, bend)


def wave(
    image: Image.Image, amount: float, waves: float, phase: float, upright: bool
) -> Image.Image:
    """Lines become waves."""

    def bend(x: Places, y: Places) -> tuple[Places, Places]:
        along, across = (y, x) if upright else (x, y)
        moved = across + amount * np.sin(np.pi * (waves * along + phase))
        return (moved, y) if upright else (x, moved)

    return bent(image, bend)


def ripple(image: Image.Image, amount: float, rings: float, phase: float) -> Image.Image:
    """Rings, as from a stone in water."""

    def bend(x: Places, y: Places) -> tuple[Places, Places]:
        radius = np.sqrt(x * x + y * y) + 1e-6
        factor = 1 + amount * np.sin(np.pi * (rings * radius + phase)) / radius.clip(0.3)
        return x * factor, y * factor

    return bent(image, bend)


def elastic(image: Image.Image, amount: float, seed: int) -> Image.Image:
    """Drawn on rubber that is pulled everywhere."""
    pulls = np.random.default_rng(seed).uniform(-amount, amount, (2, _CELLS + 1, _CELLS + 1))
    pulls = (pulls + np.roll(pulls, 1, 1) + np.roll(pulls, 1, 2)) / 2  # neighbours pull together
    return bent(image, lambda x, y: (x + pulls[0], y + pulls[1]))


def cylinder(image: Image.Image, amount: float, upright: bool) -> Image.Image:
    """Wound about a column: narrower towards two sides."""

    def around(along: Places) -> Places:
        widest = math.asin(amount)
        return np.arcsin(amount * along) / widest

    def bend(x: Places, y: Places) -> tuple[Places, Places]:
        if upright:
            return around(x), y + 0.25 * amount * (1 - x * x) * y
        return x + 0.25 * amount * (1 - y * y) * x, around(y)

    return bent(image, bend)


def shear(image: Image.Image, x: float, y: float) -> Image.Image:
    """Both axes slanted about the middle; black comes in from outside."""
    width, height = image.size
    across, down = x * width / height, y * height / width
    matrix = (1, across, -across * height / 2, down, 1, -down * width / 2)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def _somewhere(draw: ParameterSampler) -> Parameters:
    return {"x": draw.uniform(-0.5, 0.5), "y": draw.uniform(-0.5, 0.5)}


def _wave(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.01, 0.12),
        "waves": draw.uniform(1, 4),
        "phase": draw.uniform(0, 2),
        "upright": draw.either(),
    }


def _ripple(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.005, 0.07),
        "rings": draw.uniform(3, 7),
        "phase": draw.uniform(0, 2),
    }


EDITS = {
    "barrel": Edit(lens, lambda draw: {"amount": draw.at_strength(0.03, 0.8)}),
    "bulge": Edit(bulge, lambda draw: {"amount": draw.signed(0.05, 0.75), **_somewhere(draw)}),
    "cylinder": Edit(
        cylinder,
        lambda draw: {"amount": draw.at_strength(0.2, 0.98), "upright": draw.either()},
    ),
    "elastic": Edit(
        elastic, lambda draw: {"amount": draw.at_strength(0.01, 0.12), "seed": draw.seed()}
    ),
    "pincushion": Edit(lens, lambda draw: {"amount": draw.at_strength(-0.02, -0.35)}),
    "ripple": Edit(ripple, _ripple),
    "shear": Edit(shear, lambda draw: {"x": draw.signed(0.02, 0.45), "y": draw.signed(0.01, 0.3)}),
    "swirl": Edit(swirl, lambda draw: {"degrees": draw.signed(5, 130), **_somewhere(draw)}),
    "wave": Edit(wave, _wave),
}
