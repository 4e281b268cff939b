"""What transparent parts of an image show: white, unless that would hide the picture."""

from collections.abc import Iterator
from typing import cast

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

_ONE_COLOUR = 16  # of 255: what differs by less is not seen beside white
_MOST = {"L;2": 3, "L;4": 15}  # of grey of fewer than 8 bits, as Pillow names what it decodes


def flatten_transparency(image: Image.Image) -> Image.Image:
    """Return an image as RGB on white, or on black where white would leave but one colour.

    A white logo on clear ground is such an image. What is clear everywhere is white.
    """
    if image.mode == "La":  # times its alpha, of which Pillow makes nothing but LA
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    on_white = _laid_on("white", rgba)
    *_, (faintest, strongest) = extremes(rgba)
    if faintest < 255 and strongest and _is_one_colour(on_white):
        return _laid_on("black", rgba)
    return on_white


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
