"""Every image edit of AugLy 1.0.0, at any strength, as a pure function.

An edit is declared by one line of `EDITS`, under the name of AugLy's function: how its arguments
are drawn, and how far they go. Strength 0 is barely visible, 1 is severe and yet recognised by a
person in most cases. A flip, `grayscale` and `pad_square` have no strength: they happen or not.
"""

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from iscqk.errors import UserError
from iscqk.images import edit_parameters, overlay_parameters
from iscqk.images.augly_adapter import call_augly
from iscqk.images.parameter_sampler import Backgrounds, Parameters, ParameterSampler
from iscqk.images.sanitize import SHORTEST_SIDE, sanitize


@dataclass(frozen=True)
class Edit:
    """How the arguments of one AugLy function are drawn."""

    parameters: Callable[[ParameterSampler], Parameters]
    # Arguments that JSON cannot hold (images, functions), by the parameters that stand for them.
    objects: Callable[[ParameterSampler, Parameters], dict[str, Any]] = lambda draw, parameters: {}
    shortest_side: int = SHORTEST_SIDE  # a smaller image is enlarged first


def _nothing(sampler: ParameterSampler) -> Parameters:
    return {}


EDITS: dict[str, Edit] = {
    # Colours.
    "apply_pil_filter": Edit(edit_parameters.pil_filter, edit_parameters.pil_filter_objects),
    "brightness": Edit(lambda draw: {"factor": draw.factor(0.3, 2.0)}),
    "color_jitter": Edit(edit_parameters.color_jitter),
    "contrast": Edit(lambda draw: {"factor": draw.factor(0.25, 3.0)}),
    "convert_color": Edit(edit_parameters.convert_color),
    "grayscale": Edit(lambda draw: {"mode": draw.choice(("luminosity", "average"))}),
    "opacity": Edit(lambda draw: {"level": draw.at_strength(0.95, 0.25)}),
    "saturation": Edit(lambda draw: {"factor": draw.factor(0.0, 4.0)}),
    # Quality.
    "blur": Edit(edit_parameters.blur),
    "clip_image_size": Edit(edit_parameters.clip_image_size),
    "encoding_quality": Edit(lambda draw: {"quality": round(draw.at_strength(90, 4))}),
    "pixelization": Edit(edit_parameters.pixelization),
    "random_noise": Edit(lambda draw: {"var": draw.at_strength(0.0005, 0.08), "seed": draw.seed()}),
    "scale": Edit(lambda draw: {"factor": draw.factor(0.2, 1.8)}),
    "sharpen": Edit(lambda draw: {"factor": draw.at_strength(1.5, 15.0)}),
    "shuffle_pixels": Edit(
        lambda draw: {"factor": draw.at_strength(0.01, 0.4), "seed": draw.seed()}
    ),
    # Geometry.
    "apply_lambda": Edit(edit_parameters.own_function, edit_parameters.own_function_objects),
    "change_aspect_ratio": Edit(edit_parameters.change_aspect_ratio),
    "crop": Edit(edit_parameters.crop),
    "hflip": Edit(_nothing),
    "pad": Edit(edit_parameters.pad),
    "pad_square": Edit(lambda draw: {"color": draw.colour()}),
    "perspective_transform": Edit(edit_parameters.perspective_transform),
    "resize": Edit(edit_parameters.resize),
    "rotate": Edit(lambda draw: {"degrees": draw.signed(2.0, 90.0)}),
    "skew": Edit(edit_parameters.skew),
    "vflip": Edit(_nothing),
    # Something over the image, or the image over something.
    "masked_composite": Edit(
        overlay_parameters.masked_composite, overlay_parameters.masked_composite_objects
    ),
    "meme_format": Edit(overlay_parameters.meme_format, shortest_side=64),
    "overlay_emoji": Edit(overlay_parameters.overlay_emoji),
    "overlay_image": Edit(
        overlay_parameters.overlay_image, lambda draw, parameters: {"overlay": draw.another_image()}
    ),
    "overlay_onto_background_image": Edit(
        overlay_parameters.overlay_onto_background_image,
        lambda draw, parameters: {"background_image": draw.another_image()},
    ),
    "overlay_onto_screenshot": Edit(overlay_parameters.overlay_onto_screenshot, shortest_side=64),
    "overlay_stripes": Edit(overlay_parameters.overlay_stripes),
    "overlay_text": Edit(overlay_parameters.overlay_text),
}
EDIT_NAMES = tuple(sorted(EDITS))


def apply_edit(
    image: Image.Image,
    name: str,
    strength: float,
    rng: np.random.Generator,
    backgrounds: Backgrounds,
) -> tuple[Image.Image, Parameters]:
    """Edit `image` once; return the new image and the parameters that were drawn.

    The outcome depends on the arguments alone: the same image, name, strength, state of `rng` and
    `backgrounds` give the same pixels in every process. `rng` moves on, the global generators
    stay as they are, and `image` is not changed.

    Args:
        image: any mode; the edits see it in RGB, composited on white.
        name: one of `EDIT_NAMES`.
        strength: in [0, 1], how much.
        rng: decides everything else.
        backgrounds: called with `rng` for another image, when the edit needs one.

    Returns:
        An RGB image of at least 8 x 8 and at most 4,000,000 pixels, and AugLy's arguments as
        values that JSON can hold (paths relative to AugLy's folders).

    Raises:
        UserError: an unknown name or a strength outside [0, 1].
    """
    edit = find_edit(name)
    if not 0 <= strength <= 1:
        raise UserError(f"the strength of an edit must be in [0, 1], not {strength}")
    image = sanitize(image, edit.shortest_side)
    sampler = ParameterSampler(image.size, strength, rng, backgrounds)
    parameters = edit.parameters(sampler)
    arguments = parameters | edit.objects(sampler, parameters)
    sampler.seed()  # unused, but without it the same seeds would give other chains than they gave
    edited = call_augly(name, image, arguments)
    return sanitize(edited), json.loads(json.dumps(parameters))


def find_edit(name: str) -> Edit:
    """Return the edit called `name`.

    Raises:
        UserError: there is none; the message lists the nearest names.
    """
    if name in EDITS:
        return EDITS[name]
    near = difflib.get_close_matches(name, EDIT_NAMES, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(EDIT_NAMES)}"
    raise UserError(f"unknown edit {name!r}: {hint}")
