"""Several pictures side by side or in a heap, the image among them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits import laying
from iscqk.images.own_edits.cropping import with_as_many_pixels
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

_MOST_PHOTOS = 3  # reading more for one copy takes too long; cells beyond show their other halves


def collage(
    image: Image.Image,
    photos: Sequence[Image.Image],
    grid: Sequence[int],
    cell: Sequence[int],
    share: float,
    gutter: float,
    colour: Sequence[int],
) -> Image.Image:
    """The image in a cell of a grid of (columns, rows), other photos in the others.

    The cell's column and row take `share` of the width and height, where there are several.
    """
    sides = [_borders(*counts, share) for counts in zip(grid, cell, strict=True)]
    shares = [np.diff(borders)[place].item() for borders, place in zip(sides, cell, strict=True)]
    scale = (shares[0] * shares[1]) ** 0.5
    width, height = (
        max(8.0, side * scale / part) for side, part in zip(image.size, shares, strict=True)
    )
    page = Image.new("RGB", (round(width), round(height)), tuple(colour))
    between = round(gutter * min(page.size))
    others = iter(range(grid[0] * grid[1]))
    for row in range(grid[1]):
        for column in range(grid[0]):
            box = _box(sides[0][column : column + 2] * width, sides[1][row : row + 2] * height)
            shown = image if (column, row) == tuple(cell) else _nth(photos, next(others))
            _put(page, shown, box, between)
    return page


def heap(
    image: Image.Image, photos: Sequence[Image.Image], extent: float, seed: int, edge: str
) -> Image.Image:
    """Other photos thrown over the corners and sides of the image."""
    rng = np.random.default_rng(seed)
    page = image
    sides = rng.permutation([(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0), (0.5, 1)])
    for photo, place in zip(photos, sides, strict=False):
        corners = laying.fitted(photo, page.size, extent, place)
        page = laying.lay(page, photo, laying.turned(corners, rng.uniform(-30, 30)), edge)
    return page


def before_after(
    image: Image.Image, how: str, share: float, line: float, upright: bool
) -> Image.Image:
    """The image beside itself, changed; of that one the `share` is seen, beyond a line."""
    width, height = image.size
    between = max(1, round(line * min(image.size)))
    x, y = (0, height + between) if upright else (width + between, 0)
    size = (width, y + round(share * height)) if upright else (x + round(share * width), height)
    page = Image.new("RGB", size, (255, 255, 255))
    page.paste(image, (0, 0))
    page.paste(_changed(image, how), (x, y))
    return with_as_many_pixels(page, image)


def _changed(image: Image.Image, how: str) -> Image.Image:
    if how == "grey":
        return image.convert("L").convert("RGB")
    if how == "blurred":
        return image.filter(ImageFilter.BoxBlur(1 + min(image.size) / 40))
    return ImageEnhance.Contrast(ImageOps.autocontrast(image, 2)).enhance(1.6)


def _borders(count: int, place: int, share: float) -> np.ndarray:
    """Return where `count` columns begin and end, 0 to 1; the one at `place` takes the share."""
    if count == 1:
        return np.array([0.0, 1.0])
    widths = np.full(count, (1 - share) / (count - 1))
    widths[place] = share
    return np.concatenate([[0], np.cumsum(widths)])


def _box(xs: np.ndarray, ys: np.ndarray) -> tuple[int, int, int, int]:
    left, right = xs.round().astype(int).tolist()
    top, bottom = ys.round().astype(int).tolist()
    return left, top, right, bottom


def _nth(photos: Sequence[Image.Image], number: int) -> Image.Image:
    """Return a photo for a cell; when there are no more, parts of the same."""
    photo = photos[number % len(photos)]
    if number < len(photos):
        return photo
    return photo.crop((0, 0, photo.width // 2 + 1, photo.height // 2 + 1))


def _put(
    page: Image.Image, picture: Image.Image, box: tuple[int, int, int, int], between: int
) -> None:
    left, top, right, bottom = box
    left, top = left + between * (left > 0), top + between * (top > 0)
    if right > left and bottom > top:
        page.paste(ImageOps.fit(picture, (right - left, bottom - top)), (left, top))


def _in_grid(*grids: tuple[int, int]) -> Edit:
    def parameters(draw: ParameterSampler) -> Parameters:
        columns, rows = draw.choice(grids)
        return {
            "grid": (columns, rows),
            "cell": (draw.choice(range(columns)), draw.choice(range(rows))),
            "share": draw.at_strength(0.95, 1 / max(columns, rows)),
            "gutter": draw.choice((0.0, 0.01, 0.03)),
            "colour": draw.plain_colour(),
        }

    def photos(draw: ParameterSampler, parameters: Parameters) -> dict[str, Any]:
        columns, rows = parameters["grid"]
        count = min(columns * rows - 1, _MOST_PHOTOS)
        return {"photos": [draw.whole_photo() for _ in range(count)]}

    return Edit(collage, parameters, photos)


def _heap(draw: ParameterSampler) -> Parameters:
    return {
        "extent": draw.at_strength(0.12, 0.6),
        "seed": draw.seed(),
        "edge": draw.choice(("plain", "frame", "shadow")),
    }


def _two_photos(draw: ParameterSampler, parameters: Parameters) -> dict[str, Any]:
    return {"photos": [draw.whole_photo() for _ in range(2)]}


def _before_after(draw: ParameterSampler) -> Parameters:
    return {
        "how": draw.choice(("grey", "blurred", "strong")),
        "share": draw.at_strength(0.06, 1),
        "line": draw.choice((0.0, 0.02, 0.06)),
        "upright": draw.either(),
    }


EDITS = {
    "before_after": Edit(before_after, _before_after),
    "collage_of_four": _in_grid((2, 2)),
    "collage_of_six": _in_grid((3, 2), (2, 3)),
    "collage_of_three": _in_grid((3, 1), (1, 3)),
    "collage_of_two": _in_grid((2, 1), (1, 2)),
    "heap": Edit(heap, _heap, _two_photos),
}
