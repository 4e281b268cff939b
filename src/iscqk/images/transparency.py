"""What transparent parts of an image show: white, unless that would hide the picture."""

from collections.abc import Iterator
from typing import cast

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from iscqk.formats.arrays import BoolArray

_ONE_COLOUR = 16  # of 255: what differs by less is not seen beside white
_GROUNDS = {"white": 255, "black": 0, "grey": 128}  # in the order in which they are preferred
_LITTLE = 0.02  # of what is drawn, which white may hide: a few specks
_ENOUGH = 256  # of a side's samples
_MOST = {"L;2": 3, "L;4": 15}  # of grey of fewer than 8 bits, as Pillow names what it decodes


def flatten_transparency(image: Image.Image) -> Image.Image:
    """Return an image as RGB on white, or on black or grey where white would hide a piece of it.

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
    """Return a colour of ground on which no piece of what is drawn vanishes, white if it is one.

    A piece is what hangs together. Of a photograph with clear corners a white sky is lost in the
    ground, too, and is no piece of its own: white is what others lay it on.
    """
    sides = [min(side, _ENOUGH) for side in rgba.size]
    small = np.asarray(rgba.resize((sides[0], sides[1]), Image.Resampling.NEAREST)).astype(np.int16)
    colours, alpha = small[..., :3], small[..., 3]
    drawn = alpha >= _ONE_COLOUR

    def lost(level: int) -> float:
        """Return the share of what is drawn that hangs together with nothing that is seen."""
        seen = np.abs(colours - level).max(axis=2) * (alpha / 255) >= _ONE_COLOUR
        return float((drawn & ~_hanging_together(seen, drawn)).sum() / max(1, drawn.sum()))

    if lost(_GROUNDS["white"]) < _LITTLE:
        return "white"
    return min(_GROUNDS, key=lambda colour: lost(_GROUNDS[colour]))


def _hanging_together(some: BoolArray, drawn: BoolArray) -> BoolArray:
    """Return all (height, width) that is drawn side by side with some of it, and so on."""
    found, count = some & drawn, -1
    while found.sum() > count:
        count = found.sum()
        found = _whole_runs(_whole_runs(found, drawn).T, drawn.T).T
    return found


def _whole_runs(found: BoolArray, drawn: BoolArray) -> BoolArray:
    """Return of each row the runs of what is drawn in which something is found."""
    # With a gap at its end, so that no row goes on in the next.
    gaps = np.pad(~drawn, ((0, 0), (0, 1)), constant_values=True)
    runs = gaps.cumsum().reshape(gaps.shape)[:, :-1]
    is_found = np.bincount(runs[found], minlength=int(gaps.sum()) + 1) > 0
    whole: BoolArray = drawn & is_found[runs]
    return whole


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
