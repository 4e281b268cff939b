"""Colours and tones: what a photo app calls filters."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageOps

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.pixels import as_image, ramp
from iscqk.images.parameter_sampler import Colour, Parameters, ParameterSampler

_SEPIA = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
_LEVELS = np.arange(256) / 255


def sepia(image: Image.Image, amount: float) -> Image.Image:
    """The browns of an old print."""
    return Image.blend(image, image.convert("RGB", _SEPIA), amount)


def duotone(
    image: Image.Image, amount: float, dark: Sequence[int], light: Sequence[int]
) -> Image.Image:
    """Two inks instead of colours."""
    inked = ImageOps.colorize(image.convert("L"), tuple(dark), tuple(light))
    return Image.blend(image, inked, amount)


def false_colours(image: Image.Image, amount: float, colours: Sequence[int]) -> Image.Image:
    """Brightness shown by a scale of colours, as by a thermal camera."""
    stops = np.reshape(colours, (-1, 3))
    places = np.linspace(0, 1, len(stops))
    palette = np.stack([np.interp(_LEVELS, places, stop) for stop in stops.T], axis=1)
    grey = image.convert("L")
    grey.putpalette(palette.astype(np.uint8).tobytes())
    return Image.blend(image, grey.convert("RGB"), amount)


def cross_process(image: Image.Image, amount: float, soft_channel: int) -> Image.Image:
    """Film in the wrong bath: two channels get more contrast, one less."""
    steep = _LEVELS + 0.16 * amount * np.sin(2 * np.pi * (_LEVELS - 0.5))
    flat = 0.5 + (_LEVELS - 0.5) * (1 - 0.7 * amount) + 0.1 * amount
    curves = [flat if channel == soft_channel else steep for channel in range(3)]
    return image.point(_table(np.stack(curves)))


def channel_shift(image: Image.Image, x: float, y: float) -> Image.Image:
    """Red and blue moved apart, as by a bad lens or a three-dimensional film."""
    red, green, blue = image.split()
    dx, dy = round(x * image.width), round(y * image.height)
    return Image.merge(
        "RGB", (ImageChops.offset(red, dx, dy), green, ImageChops.offset(blue, -dx, -dy))
    )


def hue_rotation(image: Image.Image, turn: float) -> Image.Image:
    """Every hue moved along the circle of colours by `turn` of it."""
    hue, saturation, value = image.convert("HSV").split()
    moved = hue.point([(level + round(256 * turn)) % 256 for level in range(256)])
    return Image.merge("HSV", (moved, saturation, value)).convert("RGB")


def negative(image: Image.Image) -> Image.Image:
    """Light is dark."""
    return ImageChops.invert(image)


def equalize(image: Image.Image, amount: float) -> Image.Image:
    """Every brightness as often as any other."""
    return Image.blend(image, ImageOps.equalize(image), amount)


def autocontrast(image: Image.Image, cutoff: float) -> Image.Image:
    """The range of each channel stretched after `cutoff` % at each end were cut off."""
    return ImageOps.autocontrast(image, cutoff)


def gamma(image: Image.Image, exponent: float) -> Image.Image:
    """Middle tones lighter or darker."""
    return image.point(_table(_LEVELS**exponent))


def colour_temperature(image: Image.Image, warmth: float) -> Image.Image:
    """Light of a lamp (`warmth` above 0) or of shade (below)."""
    factors = (1 + warmth, 1 + 0.15 * warmth, 1 - warmth)
    return image.point(_table(np.stack([_LEVELS * factor for factor in factors])))


def tint(image: Image.Image, amount: float, colour: Sequence[int]) -> Image.Image:
    """Seen through coloured glass."""
    glass = Image.new("RGB", image.size, tuple(colour))
    return Image.blend(image, ImageChops.multiply(image, glass), amount)


def fade(image: Image.Image, amount: float, level: int) -> Image.Image:
    """Little contrast left, near to white, black or grey."""
    return Image.blend(image, Image.new("RGB", image.size, (level,) * 3), amount)


def black_and_white(image: Image.Image, amount: float, dither: bool) -> Image.Image:
    """Two levels only, dithered or by a threshold."""
    grey = ImageOps.autocontrast(image.convert("L"))
    method = Image.Dither.FLOYDSTEINBERG if dither else Image.Dither.NONE
    return Image.blend(image, grey.convert("1", dither=method).convert("RGB"), amount)


def gradient_overlay(
    image: Image.Image, amount: float, degrees: float, start: Sequence[int], end: Sequence[int]
) -> Image.Image:
    """Two colours over the image, from one side to the other."""
    along = as_image(255 * ramp(image.size, degrees))
    return Image.blend(image, ImageOps.colorize(along, tuple(start), tuple(end)), amount)


def _table(curves: np.ndarray) -> list[int]:
    """Return Pillow's table of one curve or three, given and taken in 0..1."""
    levels = np.clip(np.round(255 * curves), 0, 255).astype(int)
    return np.broadcast_to(levels, (3, 256)).ravel().tolist()


def _dark_and_light(draw: ParameterSampler) -> Parameters:
    dark, light = draw.colour(), draw.colour()
    return {
        "amount": draw.at_strength(0.1, 1.0),
        "dark": tuple(level // 3 for level in dark),
        "light": tuple(255 - level // 3 for level in light),
    }


def _lighter(colour: Colour) -> Colour:
    red, green, blue = ((level + 128) * 2 // 3 for level in colour)
    return red, green, blue


def _scale_of_colours(draw: ParameterSampler) -> Parameters:
    between = (*draw.colour(), *draw.colour())
    return {"amount": draw.at_strength(0.05, 0.9), "colours": (0, 0, 32, *between, 255, 255, 224)}


def _two_colours(draw: ParameterSampler) -> Parameters:
    return {
        "amount": draw.at_strength(0.04, 0.6),
        "degrees": draw.uniform(0, 360),
        "start": draw.colour(),
        "end": draw.colour(),
    }


EDITS = {
    "autocontrast": Edit(autocontrast, lambda draw: {"cutoff": draw.at_strength(0.2, 25)}),
    "black_and_white": Edit(
        black_and_white,
        lambda draw: {"amount": draw.at_strength(0.05, 1), "dither": draw.either()},
    ),
    "channel_shift": Edit(
        channel_shift, lambda draw: {"x": draw.signed(0.005, 0.08), "y": draw.uniform(-0.03, 0.03)}
    ),
    "colour_temperature": Edit(colour_temperature, lambda draw: {"warmth": draw.signed(0.04, 0.6)}),
    "cross_process": Edit(
        cross_process,
        lambda draw: {"amount": draw.at_strength(0.08, 1), "soft_channel": draw.choice(range(3))},
    ),
    "duotone": Edit(duotone, _dark_and_light),
    "equalize": Edit(equalize, lambda draw: {"amount": draw.at_strength(0.1, 1)}),
    "fade": Edit(
        fade,
        lambda draw: {"amount": draw.at_strength(0.05, 0.8), "level": draw.choice((0, 128, 255))},
    ),
    "false_colours": Edit(false_colours, _scale_of_colours),
    "gamma": Edit(gamma, lambda draw: {"exponent": draw.factor(0.3, 3.0)}),
    "gradient_overlay": Edit(gradient_overlay, _two_colours),
    "hue_rotation": Edit(hue_rotation, lambda draw: {"turn": draw.signed(0.02, 0.5)}),
    "negative": Edit(negative),
    "sepia": Edit(sepia, lambda draw: {"amount": draw.at_strength(0.1, 1)}),
    "tint": Edit(
        tint,
        lambda draw: {"amount": draw.at_strength(0.05, 0.9), "colour": _lighter(draw.colour())},
    ),
}
