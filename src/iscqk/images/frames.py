"""Which frame of an animation or page of a TIFF is looked at: one of each file.

It is the first that shows something: films fade in from black, and scans begin with a blank page.
"""

from collections.abc import Iterable, Iterator
from math import inf, prod
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from iscqk.images.bit_depth import Depth
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


class Shown(NamedTuple):
    """A frame, from 0. If a depth is told, the file is at this frame and its pixels are decoded."""

    frame: int
    depth: Depth | None = None
    glimpse: Image.Image | None = None


def may_have_several(image: Image.Image) -> bool:
    """Return whether an open file goes on after its first frame or page.

    The second picture in a JPEG is none: it is a thumbnail, or what screens brighten the first by.
    """
    try:  # GIF looks for a second frame then
        return image.format not in ("JPEG", "MPO") and bool(getattr(image, "is_animated", False))
    except Exception:  # damaged after the first
        return False


def has_several(image: Image.Image, most_pixels: int) -> bool:
    """Return whether an open file has several frames, or pages that are pictures of their own.

    A smaller page that looks like the largest is its thumbnail, and not counted; pages are compared
    up to `most_pixels` in all.
    """
    if not may_have_several(image):
        return False
    if not isinstance(image, TiffImageFile):
        return True
    pages = _pages(image, inf)
    largest = max(pages, key=lambda page: prod(pages[page]), default=0)
    smaller = [page for page, size in pages.items() if _is_enlarged(size, pages[largest])]
    if not smaller or len(smaller) + 1 < len(pages):  # most often, and nothing is decoded
        return len(pages) > 1
    seen = [*_glimpses(image, [largest, *smaller], most_pixels)]
    alike = [other for other in seen[1:] if _are_alike(seen[0], other)]
    return len(alike) < len(smaller)


def shown_size(image: Image.Image, most_pixels: int) -> Size:
    """Return the sides of what is looked at of an open file, of pages that differ by decoding."""
    if not (may_have_several(image) and isinstance(image, TiffImageFile)):
        return image.size
    sizes = {*_pages(image, most_pixels).values()}
    if len(sizes) == 1:
        return sizes.pop()
    image.seek(shown_frame(image, most_pixels).frame)
    return image.size


def shown_frame(image: Image.Image, most_pixels: int) -> Shown:
    """Return the frame of an open file that is looked at; without a depth the file is at any.

    It is the first that is not of nearly one colour, or the first where none is. Pages of a TIFF
    that are marked as thumbnails or masks, or have over `most_pixels`, are passed over where there
    are others; of a thumbnail that is not marked its picture is taken. Frames of `most_pixels` in
    all are tried, 50 at most.
    """
    if not isinstance(image, TiffImageFile):
        return _first_shown(image, range(_MOST), most_pixels)
    pages = _pages(image, most_pixels)
    if len(pages) <= 1:
        return Shown(next(iter(pages), 0))
    shown = _first_shown(image, pages, most_pixels)
    larger = [page for page, size in pages.items() if _is_enlarged(pages[shown.frame], size)]
    if shown.glimpse is None or not larger:
        return shown
    larger.sort(key=lambda page: -prod(pages[page]))
    others = _glimpses(image, larger, most_pixels)
    return next((other for other in others if _are_alike(shown, other)), Shown(shown.frame))


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


def _first_shown(image: Image.Image, frames: Iterable[int], most_pixels: int) -> Shown:
    """Return the first frame that shows something, or the first without a glimpse of it."""
    found = _glimpses(image, frames, most_pixels)
    return next(filter(_shows, found), Shown(next(iter(frames))))


def _glimpses(image: Image.Image, frames: Iterable[int], most_pixels: int) -> Iterator[Shown]:
    """Yield frames, the file being at each, up to the first that is damaged or not there."""
    for frame in frames:
        try:
            image.seek(frame)
            if (most_pixels := most_pixels - prod(image.size)) < 0:
                return
            depth = decode(image)
            rgb = as_rgb(image, depth, image.format)
        except Exception:
            return
        yield Shown(frame, depth, rgb.resize((_SIDE, _SIDE), Image.Resampling.BOX))


def _shows(seen: Shown) -> bool:
    return seen.glimpse is not None and any(
        high - low >= _FAINT for low, high in extremes(seen.glimpse)
    )


def _is_enlarged(small: Size, large: Size) -> bool:
    """Return whether sides are larger and of the same ratio, but for rounding to whole pixels."""
    skew = abs(small[0] * large[1] - small[1] * large[0])
    return prod(large) > prod(small) and skew <= max(large)


def _are_alike(one: Shown, other: Shown) -> bool:
    pixels, others = (np.asarray(seen.glimpse, np.int16) for seen in (one, other))
    return float(np.abs(pixels - others).mean()) < _ALIKE
