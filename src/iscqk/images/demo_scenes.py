"""The embedded images: pictures that the project draws itself, so that a clone needs no data.

Ten kinds of scene with the statistics of photographs as far as that goes: spectra that fall as
1/f, muted palettes that recur, objects with shade and shadow, texture, lettering, noise.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from iscqk.formats.image_shards import writing_images
from iscqk.formats.tar_files import Put
from iscqk.images.canvas import Canvas
from iscqk.images.edit_chains import encode_jpeg
from iscqk.images.ingestion import SPLIT_IDS
from iscqk.runtime.logs import progress
from iscqk.runtime.workers import parallel_map

LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ0123456789"


def draw_image(seed: int, split: str, index: int, side: int = 144) -> Image.Image:
    """Return a picture, RGB, longest side `side` pixels; a pure function of its arguments."""
    key = hashlib.sha256(repr((seed, split, index)).encode()).digest()
    rng = np.random.default_rng(int.from_bytes(key, "big"))
    ratio = rng.uniform(0.7, 1.0)
    sides = (side, max(16, round(side * ratio)))
    canvas = Canvas(*(sides if rng.random() < 0.6 else sides[::-1]), rng)
    SCENES[rng.integers(len(SCENES))](canvas)
    if rng.random() < 0.4:
        canvas.solid(canvas.point(0.1, 0.9), canvas.length(0.06, 0.2))
    if rng.random() < 0.15:
        canvas.letter(_word(canvas), int(rng.integers(10, 22)))
    return canvas.finish()


def draw_split(path: Path, split: str, count: int, seed: int, side: int, workers: int) -> None:
    """Write images of a split to a new folder, or a shard where the path ends in `.tar`.

    The rest is as in `draw_images`.

    Raises:
        UserError: the folder is not empty, or it cannot be written.
    """
    with writing_images(path) as put:
        draw_images(put, split, count, seed, side, workers)


def draw_images(put: Put, split: str, count: int, seed: int, side: int, workers: int) -> None:
    """Draw `count` images of a split as JPEG files named by official ids.

    Args:
        put: takes each.
        split: training, references or others; no two splits share an image.
        count: of images.
        seed: another seed draws other images.
        side: longest side in pixels.
        workers: processes; their number changes no byte.
    """
    drawn = parallel_map(partial(_draw, seed, split, side), range(count), workers, 32)
    for index, jpeg in enumerate(progress(drawn, count, f"draw {split}")):
        put(f"{SPLIT_IDS[split].form.make(index)}.jpg", jpeg)


def _draw(seed: int, split: str, side: int, index: int) -> bytes:
    return encode_jpeg(draw_image(seed, split, index, side), 88)


def _word(canvas: Canvas) -> str:
    return "".join(canvas.rng.choice(list(LETTERS), canvas.rng.integers(2, 9)))


def _texture(c: Canvas) -> None:
    """Close-up of a material, sometimes with a grain."""
    stretch = (1.0, 1.0) if c.rng.random() < 0.5 else tuple(c.rng.uniform(0.3, 3, 2))
    field = c.field(c.rng.uniform(1.2, 2.0), (stretch[0], stretch[1]))
    if c.rng.random() < 0.5:  # veins, as of wood or marble
        field = np.sin(
            c.rng.uniform(2, 6) * (field + c.rng.uniform(0, 3) * c.ramp(c.rng.uniform(0, 6)))
        )
    c.image = c.material(field, c.rng.uniform(0.4, 0.9))


def _backdrop(c: Canvas) -> None:
    """Something plain and lit from one side, for objects to stand before."""
    field = c.ramp(c.rng.uniform(0, 6)) + 0.4 * c.field(1.8)
    c.image = c.material(field, c.rng.uniform(0.2, 0.6))


def _landscape(c: Canvas) -> None:
    """Sky, then ridges one before the other."""
    c.image = c.material(c.ramp(np.pi / 2) + 0.5 * c.field(1.9, (0.5, 1.5)), 0.5)
    for level in np.sort(c.rng.uniform(0.25, 0.85, c.rng.integers(1, 4))):
        mask, draw = c.mask()
        ridge = c.field(c.rng.uniform(1.2, 2.0))[0] * c.height * c.rng.uniform(0.02, 0.12)
        line = [(x, float(level * c.height + ridge[x])) for x in range(c.width)]
        draw.polygon([(0, c.height), *line, (c.width, c.height)], fill=255)
        c.paste(c.material(c.field(1.2), 0.4), mask)


def _still_life(c: Canvas) -> None:
    """A few large objects on a table."""
    _backdrop(c)
    mask, draw = c.mask()
    draw.rectangle((0, int(c.height * c.rng.uniform(0.5, 0.8)), c.width, c.height), fill=255)
    c.paste(c.material(c.field(1.3, (0.5, 2)), 0.4), mask)
    for _ in range(c.rng.integers(2, 6)):
        c.solid(c.point(0.1, 0.9), c.length(0.08, 0.28))


def _crowd(c: Canvas) -> None:
    """Many small things of one kind."""
    _backdrop(c)
    size = c.length(0.03, 0.09)
    draw = ImageDraw.Draw(c.image)
    for x, y in c.rng.uniform(0, 1, (c.rng.integers(15, 60), 2)) * (c.width, c.height):
        rx, ry = size * c.rng.uniform(0.5, 1.4, 2)
        paint = draw.ellipse if c.rng.random() < 0.5 else draw.rectangle
        paint((x - rx, y - ry, x + rx, y + ry), fill=c.fill())


def _facade(c: Canvas) -> None:
    """Rows of windows in a wall."""
    c.image = c.material(c.field(1.5) + c.ramp(c.rng.uniform(0, 6)), 0.3)
    columns, rows = c.rng.integers(2, 9, 2)
    draw = ImageDraw.Draw(c.image)
    width, height = c.width / columns, c.height / rows
    inset, shift = c.rng.uniform(0.1, 0.35, 2), c.rng.uniform(-0.5, 0.5, 2)
    glass = [c.fill() for _ in range(3)]
    for column in range(-1, columns + 1):
        for row in range(-1, rows + 1):
            x, y = (column + shift[0]) * width, (row + shift[1]) * height
            box = (x + inset[0] * width, y + inset[1] * height)
            end = (x + (1 - inset[0]) * width, y + (1 - inset[1]) * height)
            draw.rectangle((*box, *end), fill=glass[c.rng.integers(3)])


def _foliage(c: Canvas) -> None:
    """Grass, twigs or fur."""
    _texture(c)
    direction = c.rng.uniform(0, np.pi)
    c.strokes(int(c.rng.integers(60, 200)), c.length(0.08, 0.4), 1, direction)
    if c.rng.random() < 0.6:
        c.solid(c.point(0.2, 0.8), c.length(0.1, 0.25))


def _portrait(c: Canvas) -> None:
    """One large blob on a smaller one's shoulders, before a blurred scene."""
    _texture(c)
    x, y = c.rng.uniform(0.3, 0.7) * c.width, c.rng.uniform(0.3, 0.5) * c.height
    radius = c.height * c.rng.uniform(0.16, 0.3)
    c.solid((x, y + 2.2 * radius), 1.6 * radius)
    c.solid((x, y), radius)
    for _ in range(c.rng.integers(2, 5)):
        dx, dy = c.rng.uniform(-0.5, 0.5, 2) * radius
        c.solid((x + dx, y + dy), radius * c.rng.uniform(0.08, 0.2))


def _poster(c: Canvas) -> None:
    """Flat areas, stripes and words."""
    c.image.paste(c.fill(), (0, 0, c.width, c.height))
    draw = ImageDraw.Draw(c.image)
    for _ in range(c.rng.integers(2, 7)):
        (x0, x1), (y0, y1) = np.sort(c.rng.uniform(0, 1, (2, 2)), axis=1)
        draw.rectangle((x0 * c.width, y0 * c.height, x1 * c.width, y1 * c.height), fill=c.fill())
    for _ in range(c.rng.integers(1, 5)):
        c.letter(_word(c), int(c.rng.integers(10, 40)))


def _pattern(c: Canvas) -> None:
    """A woven, tiled or striped surface, bent a little."""
    bend = 0.3 * c.field(2.2)
    across, along = c.rng.uniform(3, 16, 2)
    angle = c.rng.uniform(0, np.pi)
    field = np.sin(across * (c.ramp(angle) + bend))
    if c.rng.random() < 0.6:
        field = field * np.sin(along * (c.ramp(angle + np.pi / 2) + bend))
    c.image = c.material(1.5 * field + 0.4 * c.field(1.2), c.rng.uniform(0.4, 0.8))


def _table_top(c: Canvas) -> None:
    """A pattern or texture with one object on it."""
    (_pattern if c.rng.random() < 0.5 else _texture)(c)
    for _ in range(c.rng.integers(1, 4)):
        c.solid(c.point(0.2, 0.8), c.length(0.1, 0.35))


SCENES: tuple[Callable[[Canvas], None], ...] = (
    _texture,
    _landscape,
    _still_life,
    _crowd,
    _facade,
    _foliage,
    _portrait,
    _poster,
    _pattern,
    _table_top,
)
