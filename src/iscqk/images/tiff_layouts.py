"""TIFF files that Pillow decodes to garbage without a word: read right, or refused."""

from typing import Any, TypeGuard

from PIL import Image, ImagePalette
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

_PLANES, _TOGETHER, _APART = 284, 1, 2  # tag of whether samples lie by pixel or by colour
_COLOURS = 320  # tag of the palette, in 16 bits
_UNSPECIFIED = "X;"  # in RGBX;16L, and what follows RGB in RGB;16L: Pillow's for a fourth plane


def mend_palette(image: Image.Image) -> None:
    """Have an open file's palette taken as 8-bit numbers where it is of such: Pillow shows black.

    Old writers left it so; it is told by numbers of which none is over 255, as libtiff does.
    """
    if isinstance(image, TiffImageFile) and image.mode in ("P", "PA"):
        colours = image.tag_v2[_COLOURS]
        if max(colours) <= 255:
            image.palette = ImagePalette.raw("RGB;L", bytes(colours))


def mend_planes(image: Image.Image) -> None:
    """Have an open file decoded right whose colours lie apart, a plane each; before it is loaded.

    Of a plane that is not compressed Pillow forgets bits, order of bytes, and whether 0 is white.
    A plane of what the file does not specify is left out.

    Raises:
        ValueError: grey and alpha lie apart, which it mixes up, or colours times their alpha.
    """
    if not _has_planes(image):
        return
    if image.mode in ("LA", "La"):
        raise ValueError("grey and alpha in a plane each; store them together")
    planes: list[Any] = image.tile
    if are_compressed_planes(image) or not planes:
        return
    image.tag_v2[_PLANES] = _TOGETHER
    image._setup()
    image.tag_v2[_PLANES] = _APART
    whole: Any = image.tile[0]
    bands, mark, form = whole.args[0].partition(";")  # of RGB;16L
    if "a" in bands:
        raise ValueError("colours times their alpha, in a plane each; store them together")
    image.tile = [
        plane._replace(args=(plane.args[0][0] + mark + form, *plane.args[1:]))
        for plane in planes
        if plane.args[0] not in _UNSPECIFIED
    ]


def are_compressed_planes(image: Image.Image) -> bool:
    """Return whether the colours of an open file lie apart, and are compressed."""
    return _has_planes(image) and any(tile.codec_name != "raw" for tile in image.tile)


def _has_planes(image: Image.Image) -> TypeGuard[TiffImageFile]:
    return isinstance(image, TiffImageFile) and image.tag_v2.get(_PLANES) == _APART


def load_unmapped(image: Image.Image) -> None:
    """Decode an open image from its file's bytes, which Pillow otherwise maps where it can.

    A turned TIFF it maps by sides that it has swapped already, so that rows are sheared.

    Raises:
        ValueError: its file is closed; what Pillow's decoders raise.
    """
    if not isinstance(image, ImageFile):
        image.load()
        return
    if image.tile and image.fp is None and image.format != "AVIF":  # which is in memory as a whole
        raise ValueError("damaged, or its file was closed before it was read")
    name, tiles = image.filename, [*image.tile]
    image.filename = ""  # without which nothing is mapped
    try:
        image.load()
    except Exception:
        image.tile = tiles  # so that what is damaged does not pass for loaded the next time
        raise
    finally:
        image.filename = name
