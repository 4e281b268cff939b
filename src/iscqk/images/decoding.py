"""From an open image file to RGB of 8 bits, by what the file says of its samples."""

import numpy as np
from PIL import Image

from iscqk.images.bit_depth import (
    Depth,
    grey_of,
    is_deep_grey,
    refuse_dark_colour,
    show_lower_bytes,
)
from iscqk.images.checksums import refuse_wrong_sums
from iscqk.images.jpeg_ends import mend_end
from iscqk.images.tiff_layouts import load_unmapped, mend_palette, mend_planes
from iscqk.images.transparency import flatten_transparency, scale_clear_grey


def decode(image: Image.Image) -> Depth:
    """Read the pixels of an open image; return what its file says of its samples.

    Raises:
        ValueError: they are of a layout that is refused, or damaged; what Pillow's decoders raise.
    """
    refuse_wrong_sums(image)
    mend_planes(image)
    mend_palette(image)
    scale_clear_grey(image)
    depth = Depth.of(image)  # of which nothing is known once it is loaded
    file = getattr(image, "filename", "") or getattr(image, "fp", None)  # forgotten, likewise
    try:
        load_unmapped(image)
    except OSError:
        if not mend_end(image):
            raise
    return show_lower_bytes(image, depth, file)


def as_rgb(image: Image.Image, depth: Depth, kind: str | None) -> Image.Image:
    """Return a decoded image as RGB of 8 bits, what is transparent laid on white or black.

    Args:
        image: as `decode` leaves it.
        depth: what `decode` returned.
        kind: the format of its file, if it has one.

    Raises:
        ValueError: its file does not say what is white, nor do its numbers.
    """
    if is_deep_grey(image, depth):
        return flatten_transparency(_with_clear_colour(grey_of(image, depth), image))
    refuse_dark_colour(image, depth)
    if kind in ("BMP", "DIB") and image.mode == "RGBA" and not image.getchannel("A").getbbox():
        return image.convert("RGB")  # a fourth byte that its writer left empty
    return flatten_transparency(image)


def _with_clear_colour(grey: Image.Image, deep: Image.Image) -> Image.Image:
    """Return grey with alpha where the file names a colour of its deep grey as clear."""
    clear = deep.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.asarray(deep) != clear).convert("L"))
    return grey
