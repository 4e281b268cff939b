"""Edits of what is small: blur, noise, compression, print, brush strokes."""

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import util

from iscqk.bench.independent.draws import Draws, Picture, clipped, resized
from iscqk.bench.independent.tones import as_grey


def blur(picture: Picture, draws: Draws, radius: tuple[float, float]) -> Picture:
    """Blur: out of focus, or moved; `radius` in thousandths of the longest side."""
    size = draws.between(*radius) / 1000 * max(picture.shape[:2])
    if draws.chance(0.7):
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), size))
    return np.asarray(cv2.filter2D(picture, -1, _streak(round(4 * size) | 1, draws)))


def _streak(length: int, draws: Draws) -> NDArray[np.float32]:
    """Return the kernel of a camera that moves on a line."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    middle = (length - 1) / 2, (length - 1) / 2
    turned = cv2.warpAffine(
        kernel, cv2.getRotationMatrix2D(middle, draws.between(0, 180), 1), (length, length)
    )
    return np.asarray(turned / turned.sum())


def jpeg(picture: Picture, draws: Draws) -> Picture:
    """Compress much."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, draws.whole(6, 25)]
    written = cv2.imencode(".jpg", picture, quality)[1]
    return np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)


def small(picture: Picture, draws: Draws) -> Picture:
    """Shrink the picture to some 50 to 90 pixels, and enlarge it again."""
    height, width = picture.shape[:2]
    scale = draws.between(50, 90) / max(height, width)
    return resized(resized(picture, width * scale, height * scale), width, height)


def light_noise(picture: Picture, draws: Draws) -> Picture:
    """Add the noise of a poor sensor."""
    return clipped(picture + draws.noise(picture) * draws.between(8, 24))


def sharpened(picture: Picture, draws: Draws) -> Picture:
    """Sharpen until it shows."""
    soft = cv2.GaussianBlur(picture, (0, 0), draws.between(1, 3)).astype(np.float32)
    return clipped(picture + (picture - soft) * draws.between(1, 3))


def strong_noise(picture: Picture, draws: Draws) -> Picture:
    """Add noise that drowns what is small."""
    kind = draws.one_of(["gaussian", "s&p", "speckle"])
    amount = {
        "gaussian": {"var": draws.between(0.05, 0.2)},
        "s&p": {"amount": draws.between(0.15, 0.4)},
        "speckle": {"var": draws.between(0.3, 1.0)},
    }[kind]
    noisy = util.random_noise(picture, kind, rng=draws.rng, **amount)
    return clipped(noisy * 255)


def halftone(picture: Picture, draws: Draws) -> Picture:
    """Print the picture in dots of one ink, or of three."""
    cell = draws.whole(4, 7)
    grey = picture if draws.chance(0.5) else as_grey(picture)
    angles = [0.26, 1.31, 0.0]
    return np.stack([_dots(grey[..., i], cell, angles[i]) for i in range(3)], axis=2)


def _dots(ink: NDArray[np.uint8], cell: int, angle: float) -> NDArray[np.uint8]:
    """Return a raster of dots, the larger the darker the ink."""
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]] * (2 * np.pi / cell)
    across, down = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    raster = 128 + 60 * (np.cos(across) + np.cos(down))
    return np.where(ink > raster, 255, 0).astype(np.uint8)


def edges(picture: Picture, draws: Draws) -> Picture:
    """Leave the outlines only, as a pencil or as neon light."""
    grey = cv2.GaussianBlur(as_grey(picture)[..., 0], (0, 0), draws.between(0.8, 1.6))
    if draws.chance(0.5):
        lines = 255 - cv2.Canny(grey, 60, 140)
    else:
        soft = cv2.GaussianBlur(grey, (0, 0), 6).astype(np.float32)
        lines = clipped(255 * np.minimum(grey / np.maximum(soft, 1), 1) ** 3)
    shown = lines if draws.chance(0.7) else 255 - lines
    return np.repeat(shown[..., None], 3, axis=2)


def threshold(picture: Picture, draws: Draws) -> Picture:
    """Leave black and white only, as a photocopy does."""
    grey = as_grey(picture)[..., 0]
    if draws.chance(0.5):
        _, copied = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    else:
        copied = cv2.adaptiveThreshold(
            grey, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, 31, 6
        )
    return np.repeat(np.asarray(copied, np.uint8)[..., None], 3, axis=2)


def painting(picture: Picture, draws: Draws) -> Picture:
    """Make it look painted: flat patches, with dark outlines or without."""
    flat = cv2.pyrMeanShiftFiltering(picture, draws.whole(8, 14), draws.whole(30, 55))
    if draws.chance(0.5):
        grey = cv2.medianBlur(as_grey(picture)[..., 0], 5)
        lines = cv2.adaptiveThreshold(
            grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 5
        )
        flat = cv2.bitwise_and(flat, flat, mask=lines)
    return np.asarray(flat, np.uint8)


def pixelated(picture: Picture, draws: Draws) -> Picture:
    """Leave large squares, some twenty to a side."""
    height, width = picture.shape[:2]
    squares = draws.between(14, 30) / max(height, width)
    small = resized(picture, width * squares, height * squares)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST))
