"""Images as numbers and back, and where their pixels are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
_BICUBIC = Image.Resampling.BICUBIC


def as_floats(image: Image.Image) -> Floats:
    """Return (height, width, 3), 0 to 255."""
    return np.asarray(image, dtype=np.float32)


def as_image(pixels: NDArray[Any]) -> Image.Image:
    """Return the image of (height, width, 3) or, as grey values, (height, width) numbers."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def centred(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return x (1, width) and y (height, 1), from -1 at one border to 1 at the other."""
    width, height = size
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    return x, np.linspace(-1, 1, height, dtype=np.float32)[:, None]


def ramp(size: tuple[int, int], degrees: float) -> Floats:
    """Return a linear ramp in a direction, (height, width), 0 to 1."""
    x, y = centred(size)
    angle = np.deg2rad(degrees)
    along = np.cos(angle) * x + np.sin(angle) * y
    low, high = along.min(), along.max()
    return np.asarray((along - low) / (high - low), dtype=np.float32)


def gradient(size: tuple[int, int], top: Sequence[int], bottom: Sequence[int]) -> Image.Image:
    """Return one colour passing into another, from top to bottom."""
    ends = np.array([[top], [bottom]], dtype=np.uint8)
    return Image.fromarray(ends).resize(size, Image.Resampling.BILINEAR)


def shrunk(image: Image.Image, factor: float, resample: int = _BICUBIC) -> Image.Image:
    """Return the image with sides so many times shorter, of 4 pixels at least."""
    width, height = (max(4, round(side / factor)) for side in image.size)
    return image.resize((width, height), resample)


def smooth_noise(size: tuple[int, int], cells: int, rng: np.random.Generator) -> Image.Image:
    """Return soft grey clouds (mode L), of about `cells` along each side."""
    few = rng.integers(0, 256, (cells, cells), dtype=np.uint8)
    return Image.fromarray(few).resize(size, Image.Resampling.BICUBIC)
