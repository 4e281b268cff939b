"""What transparent parts of an image show: white, unless that would hide the picture."""

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

_ONE_COLOUR = 16  # of 255: what differs by less is not seen beside white
_GROUNDS = {"white": 255, "black": 0, "grey": 128}  # in the order in which they are preferred
_FEW = 0.05  # of all edges, which white may hide: highlights, a bright spot at the rim
_ENOUGH = 1024  # of a side's samples
_MOST = {"L;2": 3, "L;4": 15}  # of grey of fewer than 8 bits, as Pillow names what it decodes


def flatten_transparency(image: Image.Image) -> Image.Image:
    """Return an image as RGB on white, or on black or grey where white would hide a part of it.

    A white logo on clear ground is such an image, whatever is around it. What is clear everywhere
    is white.
    """
    if image.mode == "La":  # times its alpha, of which Pillow makes nothing but LA
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    *_, (faintest, strongest) = extremes(rgba)
    if faintest == 255 or not strongest:
        return _laid_on("white", rgba)
    on_white = _laid_on("white", rgba)
    if _is_one_colour(on_white):
        return _laid_on("black", rgba)
    colour = _ground_for(rgba)
    return on_white if colour == "white" else _laid_on(colour, rgba)


def _ground_for(rgba: Image.Image) -> str:
    """Return the colour of ground on which the fewest edges of what is drawn on it are lost."""
    steps, colours = _edges(np.asarray(_reduced(rgba)).astype(np.int16))
    if not len(steps):
        return "white"

    def lost(level: int) -> float:
        """Return the share of edges by which less is seen than `_ONE_COLOUR`."""
        seen = np.abs(colours - level).max(axis=1) * (steps / 255)
        return float((seen < _ONE_COLOUR).mean())

    if lost(_GROUNDS["white"]) < _FEW:
        return "white"
    return min(_GROUNDS, key=lambda colour: lost(_GROUNDS[colour]))


def _edges(rgba: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return how far alpha steps between neighbours (n,), and the colour of the less clear (n, 3).

    Args:
        rgba: (height, width, 4).
    """
    steps, colours = [], []
    for one, other in ((rgba[1:], rgba[:-1]), (rgba[:, 1:], rgba[:, :-1])):
        step = one[..., 3] - other[..., 3]
        is_edge = np.abs(step) >= _ONE_COLOUR
        steps.append(np.abs(step[is_edge]))
        nearer = np.where(step[is_edge, None] > 0, one[is_edge], other[is_edge])
        colours.append(nearer[:, :3])
    return np.concatenate(steps), np.concatenate(colours)


def _reduced(image: Image.Image) -> Image.Image:
    """Return as many of an image's own samples as tell its edges."""
    width, height = (min(side, _ENOUGH) for side in image.size)
    return image.resize((width, height), Image.Resampling.NEAREST)


def scale_clear_grey(image: Image.Image) -> None:
    """Have the clear grey of a PNG of 2 or 4 bits compared with samples of 8, before it is loaded.

    Pillow scales samples, and leaves the number that is clear as it is.
    """
    most = isinstance(image, PngImageFile) and image.tile and _MOST.get(str(image.tile[0].args))
    clear = image.info.get("transparency")
    if most and isinstance(clear, int):
        image.info["transparency"] = (clear & most) * 255 // most


def _laid_on(colour: str, rgba: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", rgba.size, colour), rgba).convert("RGB")


def _is_one_colour(rgb: Image.Image) -> bool:
    return all(high - low < _ONE_COLOUR for low, high in extremes(rgb))


def extremes(image: Image.Image) -> Iterator[tuple[int, int]]:
    """Yield the least and largest sample of each band of 8 bits; often the first tells enough."""
    for band in image.getbands():
        yield cast("tuple[int, int]", image.getchannel(band).getextrema())
