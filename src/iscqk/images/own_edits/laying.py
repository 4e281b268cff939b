"""One picture laid on another: straight, turned or seen at an angle, with its edge and shadow."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from iscqk.images.parameter_sampler import Parameters, ParameterSampler

Corners = NDArray[np.float64]  # (4, 2), x and y in pixels: clockwise from the top left

EDGES = ("plain", "soft", "frame", "shadow")
_RIM = 4  # pixels, by which a picture's borders are continued: around it Pillow paints black
_UNIT = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


def box_corners(left: float, top: float, width: float, height: float) -> Corners:
    """Return the corners of a straight box."""
    return np.array([left + width / 2, top + height / 2]) + _UNIT * (width, height)


def turned(corners: Corners, degrees: float) -> Corners:
    """Return corners turned about their middle."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = corners.mean(axis=0)
    return (corners - middle) @ matrix + middle


def tilted(corners: Corners, across: float, down: float) -> Corners:
    """Return a box seen at an angle: one of its sides, and one of the others, gets shorter."""
    middle = corners.mean(axis=0)
    x, y = ((corners - middle) / np.abs(corners - middle).max(axis=0).clip(1e-6)).T
    nearness = 1 / (1 + across * x + down * y)
    squeezed = nearness / nearness.max()
    return middle + (corners - middle) * squeezed[:, None]


def fitted(
    image: Image.Image, ground: tuple[int, int], extent: float, place: Sequence[float]
) -> Corners:
    """Return the corners of an image with `extent`**2 of the ground's area, all of it within.

    `place` is in 0..1: (0, 0) is at the ground's top left, (1, 1) at its bottom right.
    """
    width, height = ground
    scale = extent * (width * height / (image.width * image.height)) ** 0.5
    scale = min(scale, width / image.width, height / image.height)
    wide, high = image.width * scale, image.height * scale
    return box_corners(place[0] * (width - wide), place[1] * (height - high), wide, high)


def around(corners: Corners, margin: float) -> Corners:
    """Return corners moved outwards by about so many pixels."""
    outwards = corners - corners.mean(axis=0)
    return corners + margin * outwards / np.abs(outwards).max(axis=0).clip(1e-6)


def inside(corners: Corners, ground: tuple[int, int]) -> Corners:
    """Return corners shrunk about their middle, and moved, until they are on the ground."""
    size = np.array(ground)
    middle, reach = corners.mean(axis=0), np.ptp(corners, axis=0)
    corners = middle + (corners - middle) * min(1.0, *(size / reach.clip(1)))
    low, high = corners.min(axis=0), corners.max(axis=0)
    return corners + np.clip(0, -low, size - high)


def lay(
    ground: Image.Image,
    picture: Image.Image,
    corners: Corners,
    edge: str = "plain",
    colour: Sequence[int] = (255, 255, 255),
) -> Image.Image:
    """Return the ground with a picture laid on it.

    Args:
        ground: RGB; it stays as it is.
        picture: RGB, of any size.
        corners: where the picture's corners come to lie.
        edge: one of `EDGES`; a frame has a shadow, too.
        colour: of the frame.
    """
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    picture = _shrunk(picture, sides)
    if edge == "frame":
        picture = ImageOps.expand(picture, max(1, round(0.05 * min(picture.size))), tuple(colour))
    continued = np.pad(np.asarray(picture), ((_RIM, _RIM), (_RIM, _RIM), (0, 0)), "edge")
    warped = Image.fromarray(continued).transform(
        ground.size,
        Image.Transform.PERSPECTIVE,
        _perspective(corners, picture.size, _RIM),
        Image.Resampling.BILINEAR,
    )
    softness = 0.12 * float(sides.min()) if edge == "soft" else 0.7
    covered = polygon_mask(ground.size, corners)
    laid = ground.copy()
    if edge in ("frame", "shadow"):
        _cast_shadow(laid, covered, float(sides.min()))
    laid.paste(warped, (0, 0), softened(covered, softness))
    return laid


def _perspective(corners: Corners, size: tuple[int, int], rim: int = 0) -> tuple[float, ...]:
    """Return Pillow's eight numbers that take `corners` to those of an image within a rim."""
    x, y = corners.T
    u, v = (_UNIT + 0.5).T * np.array([size]).T + rim
    zero, one = np.zeros(4), np.ones(4)
    equations = np.concatenate(
        [
            np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1),
            np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1),
        ]
    )
    return tuple(np.linalg.solve(equations, np.concatenate([u, v])).tolist())


def polygon_mask(size: tuple[int, int], points: NDArray[np.floating]) -> Image.Image:
    """Return a mask (mode L), white within the polygon of (corners, 2) pixels.

    Pillow counts from the middle of the first pixel, corners here from its border.
    """
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon([(float(x) - 0.5, float(y) - 0.5) for x, y in points], fill=255)
    return mask


def softened(mask: Image.Image, radius: float) -> Image.Image:
    """Return a mask that fades over `radius` pixels, all of them within its white."""
    blurred = mask.filter(ImageFilter.BoxBlur(radius))
    return blurred.point([max(0, 2 * level - 255) for level in range(256)])


def _shrunk(picture: Image.Image, sides: NDArray[np.float64]) -> Image.Image:
    """Shrink a picture to where it will be shown, as a transformation would skip pixels."""
    wide, high = max(sides[1], sides[3]), max(sides[0], sides[2])
    size = (
        min(picture.width, max(4, round(float(wide)))),
        min(picture.height, max(4, round(float(high)))),
    )
    return picture if size == picture.size else picture.resize(size)


def _cast_shadow(ground: Image.Image, covered: Image.Image, side: float) -> None:
    soft = covered.filter(ImageFilter.BoxBlur(1 + side / 20)).point(lambda level: level // 2)
    distance = round(1 + side / 30)
    ground.paste((0, 0, 0), (0, 0), ImageChops.offset(soft, distance, distance))


def edge_and_colour(draw: ParameterSampler) -> Parameters:
    """Draw how a picture is bounded."""
    return {"edge": draw.choice(EDGES), "colour": draw.plain_colour()}
