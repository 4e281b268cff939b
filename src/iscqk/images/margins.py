"""Plain margins: the bed of a scanner, bars beside a video, white or clear room around a picture.

A network looks at an image squeezed to a square, so that of a picture with much room around it it
sees little, and that from afar.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE = 160  # pixels of the longer side that margins are looked for at
_NOISE = 12  # of 255: what a line of one colour differs in, as scanners and compression make of it
_PLAIN = 0.9  # of a line that is of one colour: the rest is dust, or a short caption
_LEAST = 8  # lines that stay, and pixels of one: of fewer nothing can be said
_TURNS = 2  # around the picture: a frame may have another
_WORTH = 0.05  # of the area; a narrower margin changes little

_Pixels = NDArray[np.int16]


class _Box(NamedTuple):
    """What stays: lines from `top` to before `bottom`, columns from `left` to before `right`."""

    top: int
    bottom: int
    left: int
    right: int


def without_margins(image: Image.Image) -> Image.Image | None:
    """Return an RGB image without the plain margins at its sides; None if they are nothing much.

    A margin is the lines from a side on that all have the colour of the outermost one. Where one is
    taken off, another may come to light.
    """
    small = _reduced(image)
    box = _box(np.asarray(small, dtype=np.int16))
    width, height = small.size
    if (box.bottom - box.top) * (box.right - box.left) > (1 - _WORTH) * width * height:
        return None
    across, down = image.width / width, image.height / height
    left, right = round(box.left * across), round(box.right * across)
    top, bottom = round(box.top * down), round(box.bottom * down)
    return image.crop((left, top, right, bottom))


def _reduced(image: Image.Image) -> Image.Image:
    scale = _SIDE / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def _box(pixels: _Pixels) -> _Box:
    """Return what stays of pixels (height, width, 3)."""
    box = _Box(0, pixels.shape[0], 0, pixels.shape[1])
    for _ in range(_TURNS):
        before = box
        for side in range(len(box)):
            box = _narrowed(pixels, box, side)
        if box == before:
            break
    return box


def _narrowed(pixels: _Pixels, box: _Box, side: int) -> _Box:
    """Return a box without the margin at one of its sides."""
    lines = pixels[box.top : box.bottom, box.left : box.right]
    if side >= 2:
        lines = lines.transpose(1, 0, 2)
    if side % 2:
        lines = lines[::-1]
    margin = _margin(lines)
    edges = list(box)
    edges[side] += -margin if side % 2 else margin
    return _Box(*edges)


def _margin(lines: _Pixels) -> int:
    """Return how many of lines (n, length, 3) are a margin; 0 where too little would stay."""
    if lines.shape[1] < _LEAST:
        return 0
    length = lines.shape[1]
    ordered = np.sort(lines[0], axis=0)  # a fifth of the time of np.median
    colour = (ordered[(length - 1) // 2] + ordered[length // 2]) / 2
    margin = _plain_lines(lines, colour)
    return margin if len(lines) - margin >= _LEAST else 0


def _plain_lines(lines: _Pixels, colour: NDArray[np.float64]) -> int:
    """Return how many lines are plain before the first that is not, which is most often soon."""
    start, count = 0, 1
    while start < len(lines):
        plain = _are_plain(lines[start : start + count], colour)
        if not plain.all():
            return start + int(plain.argmin())
        start, count = start + count, 2 * count
    return len(lines)


def _are_plain(lines: _Pixels, colour: NDArray[np.float64]) -> NDArray[np.bool_]:
    alike = (np.abs(lines - colour) <= _NOISE).all(2)
    plain: NDArray[np.bool_] = alike.sum(1) >= _PLAIN * lines.shape[1]
    return plain
