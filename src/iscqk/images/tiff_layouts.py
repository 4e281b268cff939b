"""TIFF files that Pillow decodes to garbage without a word: read right, or refused."""

from typing import Any, TypeGuard

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

_PLANES, _TOGETHER, _APART = 284, 1, 2  # tag of whether samples lie by pixel or by colour


def mend_planes(image: Image.Image) -> None:
    """Have an open file read right whose colours lie apart, a plane each, before it is loaded.

    Of a plane that is not compressed Pillow forgets bits, order of bytes, and whether 0 is white.

    Raises:
        ValueError: grey and alpha lie apart, which it mixes up.
    """
    if not _has_planes(image):
        return
    if image.mode == "LA":
        raise ValueError("grey and alpha in a plane each; store them together")
    planes: list[Any] = image.tile
    if are_compressed_planes(image) or not planes:
        return
    image.tag_v2[_PLANES] = _TOGETHER
    image._setup()
    image.tag_v2[_PLANES] = _APART
    whole: Any = image.tile[0]
    _, mark, form = whole.args[0].partition(";")  # of RGB;16L
    image.tile = [
        plane._replace(args=(plane.args[0][0] + mark + form, *plane.args[1:])) for plane in planes
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
    if image.tile and image.fp is None:
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
