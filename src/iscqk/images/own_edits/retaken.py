"""The image shown or printed, and photographed or scanned again."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits import laying
from iscqk.images.own_edits.pixels import Floats, as_floats, as_image, centred, ramp
from iscqk.images.parameter_sampler import Parameters, ParameterSampler


def photographed_screen(
    image: Image.Image,
    amount: float,
    tilt: Sequence[float],
    degrees: float,
    margin: float,
    cast: Sequence[float],
    seed: int,
) -> Image.Image:
    """A screen before a camera: moire, glare, a cast of colour, noise, and seen at an angle."""
    rng = np.random.default_rng(seed)
    tint = 1 + amount * np.array(cast, dtype=np.float32)
    pixels = as_floats(image) * (tint + np.float32(0.2 * amount) * _moire(image.size, rng))
    x, y = rng.uniform(-0.9, 0.9, 2).tolist()
    glare = _spot(image.size, x, y, 6)
    shown = as_image(pixels + np.float32(0.8 * amount) * glare * (255 - pixels))
    room = Image.new("RGB", image.size, tuple(rng.integers(0, 60, 3).tolist()))
    corners = laying.tilted(laying.box_corners(0, 0, *image.size), tilt[0], tilt[1])
    corners = laying.turned(corners, degrees)
    middle = corners.mean(axis=0)
    seen = laying.lay(room, shown, middle + (corners - middle) * (1.04 - margin))
    return _with_noise(seen, 14 * amount, rng)


def scanned_print(
    image: Image.Image, amount: float, degrees: float, margin: float, seed: int
) -> Image.Image:
    """On paper under the lid of a scanner: pale, a little askew, with dust and uneven light."""
    rng = np.random.default_rng(seed)
    paper = Image.new("RGB", image.size, (246, 243, 236))
    corners = laying.turned(laying.box_corners(0, 0, *image.size), degrees)
    middle = corners.mean(axis=0)
    page = laying.lay(paper, image, middle + (corners - middle) * (1 - margin))
    page = page.filter(ImageFilter.BoxBlur(0.8 * amount))
    pale = Image.blend(page, Image.new("RGB", page.size, "white"), 0.45 * amount)
    light = as_image(255 - 90 * amount * ramp(image.size, rng.uniform(0, 360)))
    return _with_noise(ImageChops.multiply(pale, light.convert("RGB")), 12 * amount, rng)


def projected(
    image: Image.Image, amount: float, degrees: float, colour: Sequence[int]
) -> Image.Image:
    """Thrown by a lamp on a wall: pale, with a bright middle."""
    spot = _spot(image.size, 0, 0, 0.9 * amount)
    wall = np.array(colour, dtype=np.float32) * (0.25 + 0.2 * ramp(image.size, degrees)[..., None])
    return as_image(as_floats(image) * spot * (1 - 0.35 * amount) + amount * wall)


def shadow_across(
    image: Image.Image, amount: float, degrees: float, place: float, width: float
) -> Image.Image:
    """The shadow of somebody or something falls over it."""
    along = ramp(image.size, degrees)
    dark = np.clip((width / 2 - np.abs(along - place)) * 12 + 0.5, 0, 1)
    return as_image(as_floats(image) * (1 - amount * dark[..., None]))


def _moire(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return a bent wave, out of step in the channels, (height, width, 3), -1 to 1."""
    x, y = centred(size)
    frequency, angle = rng.uniform(8, 30), rng.uniform(0, np.pi)
    bend = rng.uniform(-6, 6, 2)
    across = np.float32(frequency * np.cos(angle)) * x
    down = np.float32(frequency * np.sin(angle)) * y + np.float32(bend[1]) * y * y
    phase = across + down + np.float32(bend[0]) * x * y
    sine, cosine = np.sin(phase), np.cos(phase)
    return np.stack([sine, 0.8 * cosine - 0.6 * sine, -0.8 * cosine - 0.6 * sine], axis=-1)


def _spot(size: tuple[int, int], x: float, y: float, narrowness: float) -> Floats:
    """Return a spot of light about a place in -1..1, (height, width, 1), 0 to 1."""
    across, down = centred(size)
    light = np.exp(-narrowness * (across - x) ** 2) * np.exp(-narrowness * (down - y) ** 2)
    return np.asarray(light, dtype=np.float32)[..., None]


def _with_noise(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Return the image with noise in brightness, of `amount` grey levels at most."""
    reach = max(1, round(amount))
    noise = rng.integers(128 - reach, 129 + reach, image.size[::-1], dtype=np.uint8)
    return ImageChops.add(image, Image.fromarray(noise).convert("RGB"), 1, -128)


def _tilt(draw: ParameterSampler) -> tuple[float, float]:
    return draw.signed(0.01, 0.25), draw.signed(0.01, 0.2)


def _screen_photo(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.08, 1),
        "tilt": _tilt(draw),
        "degrees": draw.signed(0.3, 12),
        "margin": draw.uniform(0, draw.at_strength(0.02, 0.3)),
        "cast": tuple(draw.uniform(-0.25, 0.25) for _ in range(3)),
        "seed": draw.seed(),
    }


def _scan(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.08, 1),
        "degrees": draw.signed(0.2, 6),
        "margin": draw.at_strength(0.01, 0.3),
        "seed": draw.seed(),
    }


def _shadow(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.08, 0.8),
        "degrees": draw.uniform(0, 180),
        "place": draw.uniform(0, 1),
        "width": draw.uniform(0.15, 0.7),
    }


EDITS = {
    "photographed_screen": Edit(photographed_screen, _screen_photo),
    "projected": Edit(
        projected,
        lambda draw: {
            "amount": draw.at_strength(0.08, 1),
            "degrees": draw.uniform(0, 360),
            "colour": draw.colour(),
        },
    ),
    "scanned_print": Edit(scanned_print, _scan),
    "shadow_across": Edit(shadow_across, _shadow),
}
