"""Things put or drawn on the image by hand: emojis, logos, arrows, scribbles."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from iscqk.images.augly_adapter import emoji, emoji_names, font
from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.shapes import SHAPES, outline
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def emojis(
    image: Image.Image, names: Sequence[str], size: float, seed: int, upright: bool
) -> Image.Image:
    """Emojis anywhere; `size` is that of the largest, of the shorter side."""
    rng = np.random.default_rng(seed)
    page = image.copy()
    for name in names:
        side = max(4, round(size * rng.uniform(0.5, 1) * min(image.size)))
        sticker = emoji(name).resize((side, side))
        if not upright:
            sticker = sticker.rotate(rng.uniform(-60, 60), Image.Resampling.BILINEAR)
        x, y = (rng.uniform(-0.2, 1) * np.array(image.size)).round().astype(int).tolist()
        page.paste(sticker, (x, y), sticker)
    return page


def emoji_pattern(
    image: Image.Image, name: str, size: float, gap: float, opacity: float
) -> Image.Image:
    """One emoji in rows all over the image."""
    side = max(4, round(size * min(image.size)))
    sticker = emoji(name).resize((side, side))
    step = max(side + 1, round(side * gap))
    page = image.copy()
    for row, y in enumerate(range(0, image.height, step)):
        for x in range(-(step // 2) * (row % 2), image.width, step):
            page.paste(sticker, (x, y), sticker)
    return Image.blend(image, page, opacity)


def logo(
    image: Image.Image,
    letters: str,
    shape: str,
    extent: float,
    place: Sequence[float],
    colour: Sequence[int],
    seed: int,
) -> Image.Image:
    """A company's sign: two letters on a shape; `extent` is its size, of the shorter side."""
    side = max(6.0, extent * min(image.size))
    x, y = (side / 2 + at * (whole - side) for at, whole in zip(place, image.size, strict=True))
    page = image.copy()
    draw = ImageDraw.Draw(page)
    points = np.array([x, y]) + outline(shape, np.random.default_rng(seed)) * side / 2
    draw.polygon(_as_pairs(points), tuple(colour), (255, 255, 255))
    draw.text((x, y), letters, (255, 255, 255), font("Ubuntu-B.ttf", max(4, round(side / 3))), "mm")
    return page


def scribbles(
    image: Image.Image, count: int, width: float, colour: Sequence[int], seed: int
) -> Image.Image:
    """Strokes of a pen that wanders."""
    rng = np.random.default_rng(seed)
    page = image.copy()
    draw = ImageDraw.Draw(page)
    line = max(1, round(width * min(image.size)))
    for _ in range(count):
        turns = np.cumsum(rng.normal(0, 0.6, 24)) + rng.uniform(0, 6.3)
        steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * 0.06
        path = (rng.uniform(0.1, 0.9, 2) + np.cumsum(steps, axis=0)) * image.size
        draw.line(_as_pairs(path), tuple(colour), line, "curve")
    return page


def arrows(
    image: Image.Image, count: int, size: float, colour: Sequence[int], seed: int
) -> Image.Image:
    """Arrows and circles that point something out."""
    rng = np.random.default_rng(seed)
    page = image.copy()
    draw = ImageDraw.Draw(page)
    side = size * min(image.size)
    line = max(1, round(side / 9))
    for number in range(count):
        middle = rng.uniform(0.15, 0.85, 2) * image.size
        if number % 2:
            draw.ellipse([*(middle - side / 2), *(middle + side / 2)], None, tuple(colour), line)
        else:
            _arrow(draw, middle, side * _direction(rng.uniform(0, 6.3)), line, colour)
    return page


def figures(image: Image.Image, count: int, size: float, seed: int, filled: bool) -> Image.Image:
    """Coloured shapes, filled or as outlines."""
    rng = np.random.default_rng(seed)
    page = image.copy()
    draw = ImageDraw.Draw(page)
    line = max(1, round(size * min(image.size) / 12))
    for _ in range(count):
        radius = size * rng.uniform(0.25, 0.5) * min(image.size)
        points = outline(SHAPES[rng.integers(len(SHAPES))], rng) * radius
        points = points + rng.uniform(0, 1, 2) * image.size
        colour = tuple(rng.integers(256, size=3).tolist())
        if filled:
            draw.polygon(_as_pairs(points), colour)
        else:
            draw.line(_as_pairs([*points, points[0]]), colour, line, "curve")
    return page


def marker(
    image: Image.Image, count: int, width: float, colour: Sequence[int], seed: int
) -> Image.Image:
    """Broad strokes of a text marker, through which the image is seen."""
    rng = np.random.default_rng(seed)
    page = image.copy()
    draw = ImageDraw.Draw(page)
    for _ in range(count):
        start, end = rng.uniform(0, 1, (2, 2)) * image.size
        end[1] = start[1] + 0.2 * (end[1] - start[1])
        draw.line(_as_pairs([start, end]), tuple(colour), max(1, round(width * min(image.size))))
    return Image.blend(image, page, 0.6)


def _arrow(
    draw: ImageDraw.ImageDraw,
    tip: NDArray[np.float64],
    shaft: NDArray[np.float64],
    line: int,
    colour: Sequence[int],
) -> None:
    across = np.array([-shaft[1], shaft[0]])
    neck = tip - 0.35 * shaft
    draw.line(_as_pairs([tip - shaft, neck]), tuple(colour), line)
    draw.polygon(_as_pairs([tip, neck + 0.25 * across, neck - 0.25 * across]), tuple(colour))


def _direction(angle: float) -> NDArray[np.float64]:
    return np.array([np.cos(angle), np.sin(angle)])


def _as_pairs(
    points: Sequence[NDArray[np.float64]] | NDArray[np.float64],
) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]


_PENS = ((220, 20, 30), (20, 60, 220), (0, 0, 0), (255, 255, 255), (30, 160, 60), (255, 220, 0))


def _pen(draw: ParameterSampler) -> Parameters:
    return {"colour": draw.choice(_PENS), "seed": draw.seed()}


def _emojis(draw: ParameterSampler) -> Parameters:
    count = draw.choice(range(2, 8))
    return {
        "names": [draw.choice(emoji_names()) for _ in range(count)],
        "size": draw.at_strength(0.12, 0.5),
        "seed": draw.seed(),
        "upright": draw.either(),
    }


def _pattern(draw: ParameterSampler) -> Parameters:
    return {
        "name": draw.choice(emoji_names()),
        "size": draw.uniform(0.1, 0.3),
        "gap": draw.uniform(1.3, 2.2),
        "opacity": draw.at_strength(0.1, 0.8),
    }


def _logo(draw: ParameterSampler) -> Parameters:
    return {
        "letters": "".join(draw.choice("ABCDEFGHKLMNOPRSTUVWXYZ") for _ in range(2)),
        "shape": draw.choice(SHAPES),
        "extent": draw.at_strength(0.12, 0.6),
        "place": draw.choice(((0.03, 0.03), (0.97, 0.03), (0.03, 0.97), (0.97, 0.97), (0.5, 0.5))),
        "colour": draw.colour(),
        "seed": draw.seed(),
    }


def _figures(draw: ParameterSampler) -> Parameters:
    return {
        "count": draw.choice(range(2, 7)),
        "size": draw.at_strength(0.1, 0.55),
        "seed": draw.seed(),
        "filled": draw.either(),
    }


EDITS = {
    "arrows": Edit(
        arrows,
        lambda draw: {
            "count": draw.choice(range(1, 6)),
            "size": draw.at_strength(0.1, 0.7),
            **_pen(draw),
        },
    ),
    "emoji_pattern": Edit(emoji_pattern, _pattern),
    "emojis": Edit(emojis, _emojis),
    "figures": Edit(figures, _figures),
    "logo": Edit(logo, _logo),
    "marker": Edit(
        marker,
        lambda draw: {
            "count": draw.choice(range(1, 6)),
            "width": draw.at_strength(0.03, 0.2),
            **_pen(draw),
        },
    ),
    "scribbles": Edit(
        scribbles,
        lambda draw: {
            "count": round(draw.at_strength(1, 10)),
            "width": draw.at_strength(0.008, 0.04),
            **_pen(draw),
        },
    ),
}
