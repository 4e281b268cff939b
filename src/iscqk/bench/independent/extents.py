"""Edits that change how much of a picture is there, and what is around it."""

import cv2
import numpy as np

from iscqk.bench.independent.draws import Draws, Picture, covering, filling, resized


def crop(picture: Picture, draws: Draws, kept: tuple[float, float]) -> Picture:
    """Keep a part of the area, of nearly the picture's form, from anywhere."""
    height, width = picture.shape[:2]
    share, form = draws.between(*kept), np.exp(draws.between(-0.25, 0.25))
    wide = min(round(width * (share * form) ** 0.5), width)
    tall = min(round(share * width * height / wide), height)
    left, top = draws.whole(0, width - wide), draws.whole(0, height - tall)
    return picture[top : top + tall, left : left + wide]


def border(picture: Picture, draws: Draws) -> Picture:
    """Put a frame around, or bars at two sides."""
    height, width = picture.shape[:2]
    each = draws.between(0.03, 0.14)
    down, across = draws.one_of([(each, each), (1.5 * each, 0), (0, 1.5 * each)])
    ends = round(down * height), round(across * width)
    colour = draws.one_of([(0, 0, 0), (255, 255, 255), draws.colour()])
    sides = ends[0], ends[0], ends[1], ends[1]
    return np.asarray(cv2.copyMakeBorder(picture, *sides, cv2.BORDER_CONSTANT, value=colour))


def on_background(picture: Picture, draws: Draws, share: tuple[float, float]) -> Picture:
    """Paste the picture into another photograph, of which it covers a share."""
    height, width = picture.shape[:2]
    canvas = filling(draws.other(), *draws.one_of([(width, height), (256, 192), (224, 224)]))
    tall, wide = canvas.shape[:2]
    size = covering(draws.between(*share), wide, tall, picture)
    return _pasted(canvas, resized(picture, *size), draws)


def _pasted(canvas: Picture, picture: Picture, draws: Draws) -> Picture:
    height, width = picture.shape[:2]
    left, top = (draws.whole(0, canvas.shape[axis] - picture.shape[axis]) for axis in (1, 0))
    canvas[top : top + height, left : left + width] = picture
    return canvas


def collage(picture: Picture, draws: Draws) -> Picture:
    """Set the picture among one, two or three others, in a row, a column or a square."""
    rows, columns = draws.one_of([(1, 2), (2, 1), (2, 2), (1, 3), (3, 1)])
    height, width = round(320 / (rows + 1)), round(320 / (columns + 1))
    gap, place = draws.whole(0, 6), draws.whole(0, rows * columns - 1)
    tiles = [
        filling(picture if number == place else draws.other(), width, height)
        for number in range(rows * columns)
    ]
    shade = draws.one_of([0, 255])
    framed = [
        cv2.copyMakeBorder(tile, gap, gap, gap, gap, cv2.BORDER_CONSTANT, value=(shade,) * 3)
        for tile in tiles
    ]
    lines = [framed[row * columns : (row + 1) * columns] for row in range(rows)]
    return np.vstack([np.hstack(line) for line in lines])


def cut_out(picture: Picture, draws: Draws) -> Picture:
    """Lay a cut-out of the picture's middle, round or of many corners, on another photograph."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    if draws.chance(0.5):
        half = round(draws.between(0.33, 0.47) * width), round(draws.between(0.33, 0.47) * height)
        cv2.ellipse(mask, (width // 2, height // 2), half, 0, 0, 360, 255, -1)
    else:
        turns = np.sort(draws.rng.uniform(0, 2 * np.pi, 9))
        far = draws.rng.uniform(0.3, 0.5, 9)[:, None] * [width, height]
        corners = np.stack([np.cos(turns), np.sin(turns)], axis=1) * far + [width / 2, height / 2]
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    background = filling(draws.other(), width, height)
    return np.where(mask[..., None] > 0, picture, background)
