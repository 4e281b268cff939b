"""Which frame of an animation or page of a TIFF is looked at: one of each file.

It is the first that shows something: films fade in from black, and scans begin with a blank page.
"""

from collections.abc import Iterable, Iterator
from math import inf, prod

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from iscqk.images.decoding import as_rgb, decode
from iscqk.images.transparency import extremes

_MOST = 50  # frames or pages that are tried
_SIDE = 32  # pixels of a glimpse, in which noise and specks are gone
_FAINT = 32  # of 255: what differs by less shows nothing yet
_ALIKE = 8  # of 255, on average: a thumbnail's difference from its picture

# Tags of TIFF
_KIND, _REDUCED, _MASK = 254, 1, 4
_OLD_KIND, _OLD_REDUCED = 255, 2

Size = tuple[int, int]


def may_have_several(image: Image.Image) -> bool:
    """Return whether an open file goes on after its first frame or page.

    The second picture in a JPEG is none: it is a thumbnail, or what screens brighten the first by.
    """
    try:  # GIF looks for a second frame then
        return image.format not in ("JPEG", "MPO") and bool(getattr(image, "is_animated", False))
    except Exception:  # damaged after the first
        return False


def has_several(image: Image.Image) -> bool:
    """Return whether an open file has several frames, or pages that are pictures of their own."""
    if not may_have_several(image):
        return False
    return not isinstance(image, TiffImageFile) or len(_pages(image, inf)) > 1


def shown_frame(image: Image.Image, most_pixels: int) -> int:
    """Return the frame of an open file that is looked at, from 0; the file is at any frame then.

    It is the first that is not of nearly one colour, or the first where none is. Pages of a TIFF
    that are marked as thumbnails or masks, or have over `most_pixels`, are passed over where there
    are others; of a thumbnail that is not marked its picture is taken. Frames of `most_pixels` in
    all are tried, 50 at most.
    """
    if not isinstance(image, TiffImageFile):
        return _first_shown(image, range(_MOST), most_pixels)[0]
    pages = _pages(image, most_pixels)
    if len(pages) <= 1:
        return next(iter(pages), 0)
    shown, seen = _first_shown(image, pages, most_pixels)
    if seen is None:
        return shown
    larger = [page for page, size in pages.items() if _is_enlarged(pages[shown], size)]
    larger.sort(key=lambda page: -prod(pages[page]))
    others = _glimpses(image, larger, most_pixels)
    return next((page for page, other in others if _are_alike(seen, other)), shown)


def _pages(image: TiffImageFile, most_pixels: float) -> dict[int, Size]:
    """Return the sides of pages, by number, that are neither marked as less nor too large."""
    pages: dict[int, Size] = {}
    for page in range(_MOST):
        try:
            image.seek(page)
        except Exception:  # no more, or damaged from here on
            break
        kind, old = image.tag_v2.get(_KIND, 0), image.tag_v2.get(_OLD_KIND)
        is_less = (isinstance(kind, int) and kind & (_REDUCED | _MASK)) or old == _OLD_REDUCED
        if not is_less and prod(image.size) <= most_pixels:
            pages[page] = image.size
    return pages


def _first_shown(
    image: Image.Image, frames: Iterable[int], most_pixels: int
) -> tuple[int, Image.Image | None]:
    """Return the first frame that shows something and a glimpse of it, or the first and None."""
    found = _glimpses(image, frames, most_pixels)
    first = next(iter(frames))
    return next(((frame, seen) for frame, seen in found if _shows(seen)), (first, None))


def _glimpses(
    image: Image.Image, frames: Iterable[int], most_pixels: int
) -> Iterator[tuple[int, Image.Image]]:
    """Yield frames in small, up to the first that is damaged or not there."""
    for frame in frames:
        try:
            image.seek(frame)
            if (most_pixels := most_pixels - prod(image.size)) < 0:
                return
            rgb = as_rgb(image, decode(image), image.format)
        except Exception:
            return
        yield frame, rgb.resize((_SIDE, _SIDE), Image.Resampling.BOX)


def _shows(glimpse: Image.Image) -> bool:
    return any(high - low >= _FAINT for low, high in extremes(glimpse))


def _is_enlarged(small: Size, large: Size) -> bool:
    """Return whether sides are larger and of the same ratio, but for rounding to whole pixels."""
    skew = abs(small[0] * large[1] - small[1] * large[0])
    return prod(large) > prod(small) and skew <= max(large)


def _are_alike(one: Image.Image, other: Image.Image) -> bool:
    pixels, others = (np.asarray(image, np.int16) for image in (one, other))
    return float(np.abs(pixels - others).mean()) < _ALIKE
