"""Borders, frames and bars around the image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits import laying
from iscqk.images.own_edits.pixels import as_image, centred
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def border(
    image: Image.Image, widths: Sequence[float], colours: Sequence[Sequence[int]]
) -> Image.Image:
    """Lines around the image, from the innermost; widths of the shorter side."""
    for width, colour in zip(widths, colours, strict=True):
        image = ImageOps.expand(image, max(1, round(width * min(image.size))), tuple(colour))
    return image


def polaroid(image: Image.Image, width: float, foot: float, degrees: float) -> Image.Image:
    """A print with a white edge, broad at its foot, on a table."""
    side = min(image.size)
    line, bottom = max(1, round(width * side)), max(1, round(foot * side))
    size = (image.width + 2 * line, image.height + line + bottom)
    page = Image.new("RGB", size, (250, 249, 244))
    page.paste(image, (line, line))
    corners = laying.turned(laying.box_corners(0, 0, *size), degrees)
    table = Image.new("RGB", size, (120, 96, 74))
    return laying.lay(table, page, laying.inside(corners, size), "shadow") if degrees else page


def rounded_corners(image: Image.Image, radius: float, colour: Sequence[int]) -> Image.Image:
    """Corners cut round; a radius of 0.5 of the shorter side leaves a circle of a square."""
    mask = Image.new("L", image.size)
    box = (0, 0, image.width - 1, image.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * min(image.size), 255)
    page = Image.new("RGB", image.size, tuple(colour))
    page.paste(image, (0, 0), mask)
    return page


def round_picture(image: Image.Image, reach: float, colour: Sequence[int]) -> Image.Image:
    """An ellipse of the image, as profile pictures are; `reach` 1 touches the borders."""
    half_width, half_height = reach * image.width / 2, reach * image.height / 2
    x, y = image.width / 2, image.height / 2
    mask = Image.new("L", image.size)
    box = (x - half_width, y - half_height, x + half_width, y + half_height)
    ImageDraw.Draw(mask).ellipse(box, 255)
    page = Image.new("RGB", image.size, tuple(colour))
    page.paste(image, (0, 0), mask)
    return page


def vignette(image: Image.Image, amount: float, level: int) -> Image.Image:
    """Dark or white towards the corners."""
    x, y = centred(image.size)
    kept = 1 - amount * np.clip((x * x + y * y) / 1.3, 0, 1)
    return Image.composite(image, Image.new("RGB", image.size, (level,) * 3), as_image(255 * kept))


def letterbox(
    image: Image.Image, share: float, upright: bool, over: bool, colour: Sequence[int]
) -> Image.Image:
    """Bars on two sides, as wide as `share` of the image: over it or beside it."""
    width, height = image.size
    x, y = (max(1, round(share * width)), 0) if upright else (0, max(1, round(share * height)))
    if not over:
        return ImageOps.expand(image, (x, y), tuple(colour))
    page = Image.new("RGB", image.size, tuple(colour))
    seen = (x // 2, y // 2, max(x // 2 + 1, width - x // 2), max(y // 2 + 1, height - y // 2))
    page.paste(image.crop(seen), seen[:2])
    return page


def film_strip(image: Image.Image, width: float, upright: bool) -> Image.Image:
    """A frame of a film, between its perforations."""
    if upright:
        turned = film_strip(image.transpose(Image.Transpose.TRANSPOSE), width, False)
        return turned.transpose(Image.Transpose.TRANSPOSE)
    bar = max(3, round(width * image.height))
    page = ImageOps.expand(image, (0, bar), (12, 12, 12))
    draw = ImageDraw.Draw(page)
    hole = bar / 2
    for number in range(int(image.width / (2 * hole)) + 1):
        x = (2 * number + 0.5) * hole
        for y in (bar / 4, page.height - bar * 3 / 4):
            draw.rounded_rectangle((x, y, x + hole, y + hole), hole / 4, (235, 235, 230))
    return page


def torn_edges(
    image: Image.Image, depth: float, roughness: int, colour: Sequence[int], seed: int
) -> Image.Image:
    """Torn off along all sides, `depth` into the image at most."""
    rng = np.random.default_rng(seed)
    inset = rng.uniform(0, depth, (4, roughness))
    along = np.linspace(0, 1, roughness, endpoint=False)
    top = np.stack([along, inset[0]], axis=1)
    right = np.stack([1 - inset[1], along], axis=1)
    bottom = np.stack([1 - along, 1 - inset[2]], axis=1)
    left = np.stack([inset[3], 1 - along], axis=1)
    points = np.concatenate([top, right, bottom, left]) * image.size
    page = Image.new("RGB", image.size, tuple(colour))
    page.paste(image, (0, 0), laying.polygon_mask(image.size, points))
    return page


def picture_frame(image: Image.Image, width: float, colour: Sequence[int]) -> Image.Image:
    """A frame of wood or metal, lit from above, with a mat within."""
    line = max(2, round(width * min(image.size)))
    page = ImageOps.expand(ImageOps.expand(image, line, (240, 238, 230)), line, tuple(colour))
    light = Image.new("L", page.size, 128)
    draw = ImageDraw.Draw(light)
    right, bottom = page.width - 1, page.height - 1
    draw.polygon([(0, 0), (right, 0), (right - line, line), (line, line)], 190)
    draw.polygon(
        [(0, bottom), (right, bottom), (right - line, bottom - line), (line, bottom - line)], 70
    )
    soft = light.filter(ImageFilter.BoxBlur(line / 6))
    return ImageChops.overlay(page, soft.convert("RGB"))


def _border(draw: ParameterSampler) -> Parameters:
    lines = draw.choice((1, 2, 3))
    width = draw.at_strength(0.015, 0.3) / lines
    return {
        "widths": [round(width * draw.uniform(0.5, 1.2), 4) for _ in range(lines)],
        "colours": [draw.plain_colour() for _ in range(lines)],
    }


def _polaroid(draw: ParameterSampler) -> Parameters:
    width = draw.at_strength(0.02, 0.12)
    degrees = round(draw.choice((0.0, draw.uniform(-1, 1))) * draw.at_strength(1, 30), 4)
    return {"width": width, "foot": round(width * draw.uniform(2, 4), 4), "degrees": degrees}


def _letterbox(draw: ParameterSampler) -> Parameters:
    return {
        "share": draw.at_strength(0.03, 0.5),
        "upright": draw.either(),
        "over": draw.either(),
        "colour": draw.choice((_BLACK, _BLACK, _WHITE)),
    }


def _torn(draw: ParameterSampler) -> Parameters:
    return {
        "depth": draw.at_strength(0.02, 0.25),
        "roughness": draw.choice((5, 10, 20, 40)),
        "colour": draw.plain_colour(),
        "seed": draw.seed(),
    }


EDITS = {
    "border": Edit(border, _border),
    "film_strip": Edit(
        film_strip,
        lambda draw: {"width": draw.at_strength(0.04, 0.3), "upright": draw.either()},
    ),
    "letterbox": Edit(letterbox, _letterbox),
    "picture_frame": Edit(
        picture_frame,
        lambda draw: {"width": draw.at_strength(0.015, 0.15), "colour": draw.colour()},
    ),
    "polaroid": Edit(polaroid, _polaroid),
    "round_picture": Edit(
        round_picture,
        lambda draw: {"reach": draw.at_strength(1.35, 0.7), "colour": draw.plain_colour()},
    ),
    "rounded_corners": Edit(
        rounded_corners,
        lambda draw: {"radius": draw.at_strength(0.05, 0.5), "colour": draw.plain_colour()},
    ),
    "torn_edges": Edit(torn_edges, _torn),
    "vignette": Edit(
        vignette,
        lambda draw: {"amount": draw.at_strength(0.1, 1), "level": draw.choice((0, 0, 255))},
    ),
}
