"""The image and another photo, seen through each other."""

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageChops

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits.pasting import photo_in_the_same_shape
from iscqk.images.own_edits.pixels import as_image, centred, ramp, smooth_noise
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

Mix = Callable[[Image.Image, Image.Image], Image.Image]


def blend(mix: Mix, image: Image.Image, photo: Image.Image, amount: float) -> Image.Image:
    """Both mixed pixel by pixel, as the name says, by `amount` over the image."""
    return Image.blend(image, mix(image, photo), amount)


def blend_ramp(
    image: Image.Image, photo: Image.Image, amount: float, degrees: float
) -> Image.Image:
    """The image passes into the other from one side to the other; `amount` 1 is in halves."""
    hidden = np.clip(ramp(image.size, degrees) * 2 - 2 + 1.5 * amount, 0, 1)
    return Image.composite(photo, image, as_image(255 * hidden))


def blend_slats(
    image: Image.Image, photo: Image.Image, share: float, slats: int, degrees: float
) -> Image.Image:
    """The other between the slats of a blind."""
    hidden = (ramp(image.size, degrees) * slats) % 1 < share
    return Image.composite(photo, image, as_image(255 * hidden))


def blend_clouds(image: Image.Image, photo: Image.Image, amount: float, seed: int) -> Image.Image:
    """The other comes through in spots."""
    clouds = np.asarray(smooth_noise(image.size, 5, np.random.default_rng(seed)), dtype=np.float32)
    hidden = np.clip((clouds / 255 - 1 + amount) * 4, 0, 1)
    return Image.composite(photo, image, as_image(255 * hidden))


def blend_vignette(image: Image.Image, photo: Image.Image, radius: float) -> Image.Image:
    """The image in the middle, the other around it, with a soft passage."""
    x, y = centred(image.size)
    hidden = np.clip((np.sqrt(x * x + y * y) - radius) * 4, 0, 1)
    return Image.composite(photo, image, as_image(255 * hidden))


def _mixed(mix: Mix, severe: float) -> Edit:
    def parameters(draw: ParameterSampler) -> Parameters:
        return {"amount": draw.at_strength(0.04, severe)}

    return Edit(partial(blend, mix), parameters, photo_in_the_same_shape)


def _ramp(draw: ParameterSampler) -> Parameters:
    return {"amount": draw.at_strength(0.1, 1.1), "degrees": draw.uniform(0, 360)}


def _slats(draw: ParameterSampler) -> Parameters:
    return {
        "share": draw.at_strength(0.05, 0.5),
        "slats": draw.choice(range(3, 13)),
        "degrees": draw.choice((0, 90, draw.uniform(0, 180))),
    }


EDITS = {
    "blend_average": _mixed(lambda image, photo: photo, 0.55),
    "blend_clouds": Edit(
        blend_clouds,
        lambda draw: {"amount": draw.at_strength(0.1, 0.55), "seed": draw.seed()},
        photo_in_the_same_shape,
    ),
    "blend_difference": _mixed(ImageChops.difference, 0.6),
    "blend_hard_light": _mixed(ImageChops.hard_light, 0.75),
    "blend_lighten": _mixed(ImageChops.lighter, 0.85),
    "blend_multiply": _mixed(ImageChops.multiply, 0.85),
    "blend_ramp": Edit(blend_ramp, _ramp, photo_in_the_same_shape),
    "blend_screen": _mixed(ImageChops.screen, 0.85),
    "blend_slats": Edit(blend_slats, _slats, photo_in_the_same_shape),
    "blend_vignette": Edit(
        blend_vignette,
        lambda draw: {"radius": draw.at_strength(1.25, 0.55)},
        photo_in_the_same_shape,
    ),
}
