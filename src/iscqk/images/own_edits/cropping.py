"""Parts of the image, alone, turned, repeated or in another order."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from iscqk.images.edit_interface import Edit
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

_MIRRORED = Image.Transpose.FLIP_LEFT_RIGHT
_UPSIDE_DOWN = Image.Transpose.FLIP_TOP_BOTTOM


def cut(image: Image.Image, box: Sequence[float]) -> Image.Image:
    """The part within (left, top, right, bottom), fractions of the image; at least a pixel."""
    width, height = image.size
    left, top = min(width - 1, int(box[0] * width)), min(height - 1, int(box[1] * height))
    right, bottom = max(left + 1, round(box[2] * width)), max(top + 1, round(box[3] * height))
    return image.crop((left, top, right, bottom))


def turned(image: Image.Image, how: str) -> Image.Image:
    """A turn or flip that moves pixels only; `how` is a name of `Image.Transpose`."""
    return image.transpose(Image.Transpose[how])


def stretch(image: Image.Image, factor: float, upright: bool) -> Image.Image:
    """One side much longer, the other shorter; as many pixels as before."""
    x = factor**0.5 if upright else factor**-0.5
    return image.resize(_at_least_one(image.width / x, image.height * x))


def repeated(image: Image.Image, columns: int, rows: int, share: float) -> Image.Image:
    """The image beside itself; of the further columns and rows only the `share` is seen."""
    width, height = image.size
    seen = (round(width * (1 + (columns - 1) * share)), round(height * (1 + (rows - 1) * share)))
    tiles = Image.new("RGB", seen)
    for column in range(columns):
        for row in range(rows):
            tiles.paste(image, (column * width, row * height))
    return with_as_many_pixels(tiles, image)


def mirrored_half(image: Image.Image, line: float, side: str) -> Image.Image:
    """What lies beyond a line is replaced by the mirror image of what lies before it."""
    turns = {"right": 0, "bottom": 1, "left": 2, "top": 3}[side]
    upright = np.rot90(np.asarray(image), turns)
    width = upright.shape[1]
    column = np.arange(width)
    edge = max(1, round(line * width))
    source = np.where(column < edge, column, np.clip(2 * edge - 1 - column, 0, width - 1))
    return Image.fromarray(np.ascontiguousarray(np.rot90(upright[:, source], -turns)))


def kaleidoscope(image: Image.Image, box: Sequence[float]) -> Image.Image:
    """A part four times, mirrored at the lines where its copies meet."""
    width, height = image.size
    half = (max(1, width // 2), max(1, height // 2))
    part = cut(image, box).resize(half)
    tiles = Image.new("RGB", (2 * half[0], 2 * half[1]))
    mirrored = part.transpose(_MIRRORED)
    for x, tile in ((0, part), (half[0], mirrored)):
        tiles.paste(tile, (x, 0))
        tiles.paste(tile.transpose(_UPSIDE_DOWN), (x, half[1]))
    return tiles


def halves_swapped(
    image: Image.Image, line: float, gap: float, colour: Sequence[int], upright: bool
) -> Image.Image:
    """Cut at a line; the parts change places and leave a gap."""
    if upright:
        swapped = halves_swapped(
            image.transpose(Image.Transpose.TRANSPOSE), line, gap, colour, False
        )
        return swapped.transpose(Image.Transpose.TRANSPOSE)
    width, height = image.size
    edge, between = min(width - 1, max(1, round(line * width))), round(gap * width)
    swapped = Image.new("RGB", (width + between, height), tuple(colour))
    swapped.paste(image.crop((edge, 0, width, height)), (0, 0))
    swapped.paste(image.crop((0, 0, edge, height)), (width - edge + between, 0))
    return swapped


def slices_shifted(image: Image.Image, amount: float, slices: int, seed: int) -> Image.Image:
    """Horizontal slices moved to the sides, around the border."""
    rng = np.random.default_rng(seed)
    shifts = np.round(rng.uniform(-amount, amount, slices) * image.width).astype(int)
    slice_of_row = np.arange(image.height) * slices // image.height
    columns = (np.arange(image.width) - shifts[slice_of_row][:, None]) % image.width
    return Image.fromarray(np.asarray(image)[np.arange(image.height)[:, None], columns])


def jigsaw(image: Image.Image, pieces: int, share: float, seed: int) -> Image.Image:
    """Some of pieces x pieces squares have changed places in a circle."""
    rng = np.random.default_rng(seed)
    width, height = (max(1, side // pieces) * pieces for side in image.size)
    whole = np.asarray(image.resize((width, height)))
    grid = whole.reshape(pieces, height // pieces, pieces, width // pieces, 3).swapaxes(1, 2)
    tiles = grid.reshape(pieces**2, height // pieces, width // pieces, 3).copy()
    moved = rng.permutation(pieces**2)[: max(2, round(share * pieces**2))]
    tiles[moved] = tiles[np.roll(moved, 1)]
    grid = tiles.reshape(grid.shape).swapaxes(1, 2)
    return Image.fromarray(np.ascontiguousarray(grid.reshape(height, width, 3)))


def mirrored_borders(image: Image.Image, width: float, height: float) -> Image.Image:
    """The image smaller, continued by its mirror images on all sides."""
    x, y = round(width * image.width), round(height * image.height)
    wide = np.pad(np.asarray(image), ((y, y), (x, x), (0, 0)), "symmetric")
    return with_as_many_pixels(Image.fromarray(wide), image)


def blurred_sides(image: Image.Image, aspect: float) -> Image.Image:
    """In a frame of another shape, whose rest an enlarged blurred copy fills."""
    width, height = image.size
    size = (round(width * max(1, aspect)), round(height * max(1, 1 / aspect)))
    small = ImageOps.fit(image, _at_least_one(size[0] / 12, size[1] / 12))
    frame = small.resize(size, Image.Resampling.BICUBIC)
    frame.paste(image, ((size[0] - width) // 2, (size[1] - height) // 2))
    return with_as_many_pixels(frame, image)


def with_as_many_pixels(image: Image.Image, as_this: Image.Image) -> Image.Image:
    """Return the image shrunk to the area of another."""
    scale = (as_this.width * as_this.height / (image.width * image.height)) ** 0.5
    if scale >= 1:
        return image
    return image.resize(_at_least_one(image.width * scale, image.height * scale))


def _at_least_one(width: float, height: float) -> tuple[int, int]:
    return max(1, round(width)), max(1, round(height))


def _box(draw: ParameterSampler, width: float, height: float) -> Parameters:
    x, y = draw.uniform(0, 1 - width), draw.uniform(0, 1 - height)
    return {"box": (x, y, round(x + width, 4), round(y + height, 4))}


def _hard_crop(draw: ParameterSampler) -> Parameters:
    """Its area falls evenly in logarithm, to a tenth."""
    area = round(0.9 * (0.1 / 0.9) ** draw.strength, 4)
    width = area ** draw.uniform(0.35, 0.65)
    return _box(draw, width, area / width)


def _strip(draw: ParameterSampler) -> Parameters:
    length, breadth = draw.uniform(0.85, 1), draw.at_strength(0.9, 0.28)
    upright = draw.either()
    return _box(draw, breadth, length) if upright else _box(draw, length, breadth)


def _kaleidoscope(draw: ParameterSampler) -> Parameters:
    return _box(draw, draw.uniform(0.5, 1), draw.uniform(0.5, 1))


def _halves(draw: ParameterSampler) -> Parameters:
    return {
        "line": draw.choice((draw.at_strength(0.03, 0.5), draw.at_strength(0.97, 0.5))),
        "gap": draw.choice((0.0, 0.02, 0.05)),
        "colour": draw.choice(((255, 255, 255), (0, 0, 0))),
        "upright": draw.either(),
    }


def _repeated(draw: ParameterSampler) -> Parameters:
    columns, rows = draw.choice(((2, 1), (1, 2), (2, 2), (2, 2), (3, 3)))
    return {"columns": columns, "rows": rows, "share": draw.at_strength(0.06, 1)}


def _jigsaw(draw: ParameterSampler) -> Parameters:
    pieces = draw.choice((3, 4, 5))
    return {"pieces": pieces, "share": draw.at_strength(0.1, 0.9), "seed": draw.seed()}


EDITS = {
    "blurred_sides": Edit(blurred_sides, lambda draw: {"aspect": draw.factor(0.4, 2.5)}),
    "crop_hard": Edit(cut, _hard_crop),
    "crop_strip": Edit(cut, _strip),
    "halves_swapped": Edit(halves_swapped, _halves),
    "jigsaw": Edit(jigsaw, _jigsaw),
    "kaleidoscope": Edit(kaleidoscope, _kaleidoscope),
    "mirrored_borders": Edit(
        mirrored_borders,
        lambda draw: {"width": draw.at_strength(0.02, 0.6), "height": draw.at_strength(0.02, 0.6)},
    ),
    "mirrored_half": Edit(
        mirrored_half,
        lambda draw: {
            "line": draw.at_strength(0.95, 0.5),
            "side": draw.choice(("right", "bottom", "left", "top")),
        },
    ),
    "quarter_turn": Edit(
        turned, lambda draw: {"how": draw.choice(("ROTATE_90", "ROTATE_180", "ROTATE_270"))}
    ),
    "repeated": Edit(repeated, _repeated),
    "slices_shifted": Edit(
        slices_shifted,
        lambda draw: {
            "amount": draw.at_strength(0.01, 0.3),
            "slices": draw.choice(range(3, 16)),
            "seed": draw.seed(),
        },
    ),
    "stretch": Edit(
        stretch,
        lambda draw: {"factor": draw.at_strength(1.05, 3.5), "upright": draw.either()},
    ),
    "transpose": Edit(turned, lambda draw: {"how": draw.choice(("TRANSPOSE", "TRANSVERSE"))}),
}
