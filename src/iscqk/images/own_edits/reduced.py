"""Little left of a picture, and nothing of it beneath: few squares, two levels, lines, dots.

From half strength on such an edit is whole, as apps and machines make it; only more of it is lost.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.paper import halftone
from iscqk.images.own_edits.pixels import as_image, shrunk
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def coarse(image: Image.Image, cells: int, smooth: bool) -> Image.Image:
    """As many pixels as `cells` along the longer side, seen as squares or enlarged softly."""
    few = shrunk(image, max(image.size) / cells, Image.Resampling.BOX)
    enlarging = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return few.resize(image.size, enlarging)


def two_levels(
    image: Image.Image, amount: float, soften: float, dark: float, near: bool
) -> Image.Image:
    """Black and white without greys: the `dark` share of all, or what is darker than that near."""
    side = min(image.size)
    grey = image.convert("L").filter(ImageFilter.BoxBlur(soften * side))
    if near:
        around = grey.filter(ImageFilter.BoxBlur(max(1.0, side / 12)))
        white = np.asarray(ImageChops.subtract(grey, around, 1, 128)) >= 128 + 12 * (0.5 - dark)
    else:
        white = np.asarray(grey) >= _level(np.asarray(grey), dark)
    return Image.blend(image, _ink(white), amount)


def line_art(image: Image.Image, amount: float, share: float, dark: bool) -> Image.Image:
    """The `share` of the pixels at which brightness changes most, as lines on a plain ground."""
    soft = image.convert("L").filter(ImageFilter.BoxBlur(min(image.size) / 160))
    edges = np.asarray(soft.filter(ImageFilter.FIND_EDGES))
    lines = edges > np.quantile(edges, 1 - share)
    return Image.blend(image, _ink(lines if dark else ~lines), amount)


def _level(grey: NDArray[np.uint8], dark: float) -> float:
    """Return what the `dark` share of all is darker than.

    Where more than that share is of the least value nothing is darker, and the rest alone tells.
    """
    level, rest = np.quantile(grey, dark), grey[grey > grey.min()]
    return float(np.quantile(rest, dark) if level == grey.min() and rest.size else level)


def _ink(white: NDArray[np.bool_]) -> Image.Image:
    return as_image(255 * white).convert("RGB")


def _whole_from_half(draw: ParameterSampler) -> float:
    return min(1.0, draw.at_strength(0.06, 1.94))


def _two_levels(draw: ParameterSampler) -> Parameters:
    return {
        "amount": _whole_from_half(draw),
        "soften": draw.at_strength(0.0, draw.uniform(0, 0.03)),
        "dark": draw.uniform(0.3, 0.7),
        "near": draw.either(),
    }


def _line_art(draw: ParameterSampler) -> Parameters:
    return {
        "amount": _whole_from_half(draw),
        "share": draw.at_strength(0.3, 0.1),
        "dark": draw.either(),
    }


def _newsprint(draw: ParameterSampler) -> Parameters:
    return {
        "amount": _whole_from_half(draw),
        "dots": draw.at_strength(75, 36),
        "degrees": draw.uniform(0, 90),
        "coloured": draw.either(),
    }


def _cells(draw: ParameterSampler, mild: int, severe: int) -> int:
    """Return how many, by equal factors and not by equal steps."""
    return round(mild * (severe / mild) ** draw.strength)


EDITS = {
    "line_art": Edit(line_art, _line_art),
    "mosaic": Edit(coarse, lambda draw: {"cells": _cells(draw, 72, 12), "smooth": False}),
    "newsprint": Edit(halftone, _newsprint),
    "thumbnail": Edit(coarse, lambda draw: {"cells": _cells(draw, 72, 14), "smooth": True}),
    "two_levels": Edit(two_levels, _two_levels),
}
