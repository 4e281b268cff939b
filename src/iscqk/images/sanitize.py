"""Plain images, what the edits take and give: RGB, nothing attached, of a bounded size."""

import math

from PIL import Image

from iscqk.images.transparency import flatten_transparency

SHORTEST_SIDE = 8  # below this AugLy's own rounding comes to images of no width
LONGEST_SIDE = 4096  # keeps a thin image from growing without bound when it is made square
MOST_PIXELS = 4_000_000


def sanitize(image: Image.Image, shortest_side: int = SHORTEST_SIDE) -> Image.Image:
    """Return a new RGB image with `image`'s picture, opaque, within the bounds above.

    The sides keep their ratio unless the bounds forbid it. Metadata (EXIF, comments, colour
    profiles) is dropped, so that what is made of the image depends on its pixels only.
    """
    rgb = flatten_transparency(image)
    size = _bounded_size(image.size, shortest_side)
    if size != rgb.size:
        rgb = rgb.resize(size, Image.Resampling.LANCZOS)
    rgb.info = {}
    return rgb


def _bounded_size(size: tuple[int, int], shortest_side: int) -> tuple[int, int]:
    growth = max(1.0, shortest_side / min(size))
    width, height = (min(LONGEST_SIDE, round(side * growth)) for side in size)
    shrinkage = min(1.0, math.sqrt(MOST_PIXELS / (width * height)))
    return max(shortest_side, int(width * shrinkage)), max(shortest_side, int(height * shrinkage))
