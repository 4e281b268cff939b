"""Images small enough to be written into a page."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from iscqk.images.verified import open_verified

SIDE = 160  # pixels; shown at half of it or more
QUALITY = 75  # of the JPEG


class Thumbnail(NamedTuple):
    """A `data:` address and the size in pixels."""

    address: str
    width: int
    height: int


def thumbnail(path: str | Path, side: int = SIDE) -> Thumbnail:
    """Return an image as a JPEG whose longest side is at most `side` pixels.

    Raises:
        UserError: as `open_verified`.
    """
    image = open_verified(path, enough=side)
    image.thumbnail((side, side))
    return _as_jpeg(image)


def blank() -> Thumbnail:
    """Return what stands for an image that cannot be read: a grey square."""
    return _as_jpeg(Image.new("RGB", (SIDE, SIDE), "grey"))


def _as_jpeg(image: Image.Image) -> Thumbnail:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{code}", *image.size)
