"""The image within another photo, or another photo within the image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits import laying
from iscqk.images.own_edits.pixels import as_image, gradient, ramp
from iscqk.images.own_edits.shapes import outline
from iscqk.images.parameter_sampler import Colour, Parameters, ParameterSampler


def paste_straight(
    image: Image.Image,
    photo: Image.Image,
    extent: float,
    place: Sequence[float],
    edge: str,
    colour: Sequence[int],
) -> Image.Image:
    """The image at `extent` of the sides of another photo."""
    corners = laying.fitted(image, photo.size, extent, place)
    return laying.lay(photo, image, corners, edge, colour)


def paste_turned(
    image: Image.Image,
    photo: Image.Image,
    extent: float,
    place: Sequence[float],
    degrees: float,
    edge: str,
    colour: Sequence[int],
) -> Image.Image:
    """The same, turned, as a print on a table."""
    corners = laying.turned(laying.fitted(image, photo.size, extent, place), degrees)
    return laying.lay(photo, image, laying.inside(corners, photo.size), edge, colour)


def paste_tilted(
    image: Image.Image,
    photo: Image.Image,
    extent: float,
    place: Sequence[float],
    tilt: Sequence[float],
    degrees: float,
) -> Image.Image:
    """The same, seen at an angle, as a poster on a wall."""
    corners = laying.tilted(laying.fitted(image, photo.size, extent, place), tilt[0], tilt[1])
    corners = laying.inside(laying.turned(corners, degrees), photo.size)
    return laying.lay(photo, image, corners)


def tilt_on_plain(
    image: Image.Image,
    tilt: Sequence[float],
    degrees: float,
    start: Sequence[int],
    end: Sequence[int],
) -> Image.Image:
    """The image seen at an angle before a plain wall."""
    wall = gradient(image.size, start, end)
    corners = laying.tilted(laying.box_corners(0, 0, *image.size), tilt[0], tilt[1])
    corners = laying.inside(laying.turned(corners, degrees), image.size)
    return laying.lay(wall, image, corners)


def paste_cut_out(
    image: Image.Image,
    photo: Image.Image,
    extent: float,
    place: Sequence[float],
    shape: str,
    reach: float,
    softness: float,
    seed: int,
) -> Image.Image:
    """A part of the image, cut out along a shape, before another photo.

    The shape reaches over `reach` of the way from the image's middle to its border.
    """
    corners = laying.fitted(image, photo.size, extent, place)
    left, top = corners[0].round().astype(int).tolist()
    size = np.ptp(corners, axis=0).round().astype(int).clip(4)
    piece = image.resize(size.tolist())
    points = size / 2 + outline(shape, np.random.default_rng(seed)) * reach * size / 2
    mask = laying.polygon_mask(piece.size, points)
    ground = photo.copy()
    ground.paste(piece, (left, top), laying.softened(mask, softness * float(size.min())))
    return ground


def inset(
    image: Image.Image,
    photo: Image.Image,
    extent: float,
    place: Sequence[float],
    degrees: float,
    edge: str,
    colour: Sequence[int],
) -> Image.Image:
    """Another photo laid on the image."""
    return paste_turned(photo, image, extent, place, degrees, edge, colour)


def half_covered(
    image: Image.Image, photo: Image.Image, share: float, degrees: float, softness: float
) -> Image.Image:
    """Another photo over one side of the image, up to a line."""
    along = ramp(image.size, degrees)
    visible = np.clip((along - share) / max(softness, 0.01) + 0.5, 0, 1)
    return Image.composite(image, photo, as_image(255 * visible))


def whole_photo(draw: ParameterSampler, parameters: Parameters) -> dict[str, Image.Image]:
    """Another photo in its own shape."""
    return {"photo": draw.whole_photo()}


def photo_beneath(draw: ParameterSampler, parameters: Parameters) -> dict[str, Image.Image]:
    """Another photo to lay the image on."""
    return {"photo": draw.ground()}


def photo_in_the_same_shape(
    draw: ParameterSampler, parameters: Parameters
) -> dict[str, Image.Image]:
    """Another photo, cut to the size of the image."""
    return {"photo": draw.another_image()}


def _tilt(draw: ParameterSampler) -> tuple[float, float]:
    """How far the sides recede; one of the two directions is the stronger one."""
    strong, weak = draw.signed(0.03, 0.45), round(draw.uniform(-0.6, 0.6) * draw.strength * 0.4, 4)
    return draw.choice(((strong, weak), (weak, strong)))


def _small(draw: ParameterSampler, severe: float = 0.35) -> Parameters:
    return {"extent": draw.at_strength(0.97, severe), "place": draw.anywhere()}


def _turned(draw: ParameterSampler) -> Parameters:
    degrees, edge = draw.signed(1, 40), laying.edge_and_colour(draw)
    return {**_small(draw, 0.4), "degrees": degrees, **edge}


def _tilted(draw: ParameterSampler) -> Parameters:
    return {**_small(draw, 0.45), "tilt": _tilt(draw), "degrees": draw.signed(0, 15)}


def _before_a_wall(draw: ParameterSampler) -> Parameters:
    start: Colour = draw.colour()
    end = tuple(level // 2 for level in start)
    return {"tilt": _tilt(draw), "degrees": draw.signed(0, 20), "start": start, "end": end}


def _cut_out(draw: ParameterSampler) -> Parameters:
    return {
        **_small(draw, 0.6),
        "shape": draw.choice(("ellipse", "polygon", "blob", "star")),
        "reach": draw.at_strength(1.5, 0.95),
        "softness": draw.choice((0.01, 0.03, 0.1)),
        "seed": draw.seed(),
    }


def _inset(draw: ParameterSampler) -> Parameters:
    return {
        "extent": draw.at_strength(0.12, 0.7),
        "place": draw.anywhere(),
        "degrees": draw.choice((0.0, 0.0, draw.uniform(-30, 30))),
        **laying.edge_and_colour(draw),
    }


def _half_covered(draw: ParameterSampler) -> Parameters:
    return {
        "share": draw.at_strength(0.06, 0.6),
        "degrees": draw.choice((0, 90, 180, 270, draw.uniform(0, 360))),
        "softness": draw.choice((0.0, 0.0, 0.3)),
    }


EDITS = {
    "half_covered": Edit(half_covered, _half_covered, photo_in_the_same_shape),
    "inset": Edit(inset, _inset, whole_photo),
    "paste_cut_out": Edit(paste_cut_out, _cut_out, photo_beneath),
    "paste_straight": Edit(
        paste_straight, lambda draw: {**_small(draw), **laying.edge_and_colour(draw)}, photo_beneath
    ),
    "paste_tilted": Edit(paste_tilted, _tilted, photo_beneath),
    "paste_turned": Edit(paste_turned, _turned, photo_beneath),
    "tilt_on_plain": Edit(tilt_on_plain, _before_a_wall),
}
