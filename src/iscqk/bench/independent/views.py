"""Edits that move what is seen: turned, mirrored, stretched, bent, seen from aside."""

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import transform

from iscqk.bench.independent.draws import Draws, Picture, filling, resized


def flip(picture: Picture, draws: Draws) -> Picture:
    """Mirror the picture, mostly left and right."""
    return np.ascontiguousarray(picture[::-1] if draws.chance(0.2) else picture[:, ::-1])


def rotation(picture: Picture, draws: Draws) -> Picture:
    """Turn by some degrees, the corners filled or cut off."""
    height, width = picture.shape[:2]
    angle = draws.between(2, 12) * draws.one_of([-1, 1])
    zoom = draws.one_of([1.0, 1.0 + abs(angle) / 40])
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    shade = (draws.one_of([0, 255, 128]),) * 3
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderValue=shade))


def stretch(picture: Picture, draws: Draws) -> Picture:
    """Change width against height."""
    factor = draws.between(1.2, 1.6)
    height, width = picture.shape[:2]
    return resized(picture, *draws.one_of([(width, height / factor), (width / factor, height)]))


def quarter_turn(picture: Picture, draws: Draws) -> Picture:
    """Turn by 90 or 270 degrees, some mirrored, too."""
    turned = np.rot90(picture, draws.one_of([1, 3]))
    return np.ascontiguousarray(turned[:, ::-1] if draws.chance(0.2) else turned)


def half_turn(picture: Picture, draws: Draws) -> Picture:
    """Set the picture on its head."""
    return np.ascontiguousarray(picture[::-1, ::-1])


def perspective(picture: Picture, draws: Draws) -> Picture:
    """See the picture from aside, before another photograph or plain."""
    height, width = picture.shape[:2]
    behind = filling(draws.other(), width, height)
    if draws.chance(0.4):
        behind[:] = draws.colour()
    return seen_from_aside(picture, behind, draws, 0.28)


def seen_from_aside(picture: Picture, behind: Picture, draws: Draws, most: float) -> Picture:
    """Return the picture with its corners moved inwards, by at most a share of its sides."""
    height, width = picture.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    inwards = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * (width, height)
    moved = (corners + inwards * draws.rng.uniform(0, most, (4, 2))).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved)
    seen = cv2.warpPerspective(picture, matrix, (width, height))
    inside = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, (width, height))
    return np.where(inside[..., None] > 127, seen, behind)


def warp(picture: Picture, draws: Draws) -> Picture:
    """Bend the picture: a swirl, a barrel, or waves."""
    return draws.one_of([_swirl, _barrel, _waves])(picture, draws)


def _swirl(picture: Picture, draws: Draws) -> Picture:
    strength = draws.between(1.5, 3.5) * draws.one_of([-1, 1])
    radius = 0.9 * max(picture.shape[:2])
    turned = transform.swirl(picture, strength=strength, radius=radius, mode="reflect")
    return np.rint(turned * 255).astype(np.uint8)


def _barrel(picture: Picture, draws: Draws) -> Picture:
    y, x = _grid(picture)
    strength = draws.between(0.35, 0.8) * draws.one_of([-0.55, 1])
    scale = 1 + strength * (x**2 + y**2)
    return _sampled(picture, y * scale, x * scale)


def _waves(picture: Picture, draws: Draws) -> Picture:
    y, x = _grid(picture)
    high, often = draws.between(0.06, 0.14), draws.between(4, 9)
    return _sampled(picture, y + high * np.sin(often * x), x + high * np.sin(often * y))


def _grid(picture: Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return y and x of each pixel, from -1 to 1."""
    height, width = picture.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return y, x


def _sampled(picture: Picture, y: NDArray[np.float64], x: NDArray[np.float64]) -> Picture:
    height, width = picture.shape[:2]
    down, across = ((y + 1) * (height - 1) / 2), ((x + 1) * (width - 1) / 2)
    maps = across.astype(np.float32), down.astype(np.float32)
    return np.asarray(cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))


def mirrored_half(picture: Picture, draws: Draws) -> Picture:
    """Put one half's mirror image in the place of the other half."""
    across = draws.chance(0.7)
    whole = picture if across else picture.transpose(1, 0, 2)
    half = (
        whole[:, : whole.shape[1] // 2]
        if draws.chance(0.5)
        else whole[:, whole.shape[1] // 2 :][:, ::-1]
    )
    both = np.hstack([half, half[:, ::-1]])
    return np.ascontiguousarray(both if across else both.transpose(1, 0, 2))


def shuffled_tiles(picture: Picture, draws: Draws) -> Picture:
    """Cut the picture into tiles and put them together in another order."""
    rows, columns = draws.one_of([(2, 2), (2, 3), (3, 2), (1, 4), (4, 1)])
    height, width = picture.shape[0] // rows, picture.shape[1] // columns
    tiles = [
        picture[r * height : (r + 1) * height, c * width : (c + 1) * width]
        for r in range(rows)
        for c in range(columns)
    ]
    order = np.roll(np.arange(len(tiles)), draws.whole(1, len(tiles) - 1))
    lines = [[tiles[i] for i in order[r * columns : (r + 1) * columns]] for r in range(rows)]
    return np.vstack([np.hstack(line) for line in lines])
