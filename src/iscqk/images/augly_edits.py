"""Every image edit of AugLy 1.0.0, under the name of its function.

In copies of up to 300 pixels a side `overlay_onto_screenshot` is severe at any strength.
"""

from functools import partial

from iscqk.images import edit_parameters, overlay_parameters
from iscqk.images.augly_adapter import call_augly
from iscqk.images.edit_interface import Drawn, Edit, Objects, no_objects, nothing
from iscqk.images.sanitize import SHORTEST_SIDE


def _augly(
    name: str,
    parameters: Drawn = nothing,
    objects: Objects = no_objects,
    shortest_side: int = SHORTEST_SIDE,
) -> tuple[str, Edit]:
    return name, Edit(partial(call_augly, name), parameters, objects, shortest_side)


EDITS: dict[str, Edit] = dict(
    (
        # Colours.
        _augly("apply_pil_filter", edit_parameters.pil_filter, edit_parameters.pil_filter_objects),
        _augly("brightness", lambda draw: {"factor": draw.factor(0.3, 2.0)}),
        _augly("color_jitter", edit_parameters.color_jitter),
        _augly("contrast", lambda draw: {"factor": draw.factor(0.25, 3.0)}),
        _augly("convert_color", edit_parameters.convert_color),
        _augly("grayscale", lambda draw: {"mode": draw.choice(("luminosity", "average"))}),
        _augly("opacity", lambda draw: {"level": draw.at_strength(0.95, 0.25)}),
        _augly("saturation", lambda draw: {"factor": draw.factor(0.0, 4.0)}),
        # Quality.
        _augly("blur", edit_parameters.blur),
        _augly("clip_image_size", edit_parameters.clip_image_size),
        _augly("encoding_quality", lambda draw: {"quality": round(draw.at_strength(90, 4))}),
        _augly("pixelization", edit_parameters.pixelization),
        _augly(
            "random_noise",
            lambda draw: {"var": draw.at_strength(0.0005, 0.08), "seed": draw.seed()},
        ),
        _augly("scale", lambda draw: {"factor": draw.factor(0.2, 1.8)}),
        _augly("sharpen", lambda draw: {"factor": draw.at_strength(1.5, 15.0)}),
        _augly(
            "shuffle_pixels",
            lambda draw: {"factor": draw.at_strength(0.01, 0.4), "seed": draw.seed()},
        ),
        # Geometry.
        _augly("apply_lambda", edit_parameters.own_function, edit_parameters.own_function_objects),
        _augly("change_aspect_ratio", edit_parameters.change_aspect_ratio),
        _augly("crop", edit_parameters.crop),
        _augly("hflip"),
        _augly("pad", edit_parameters.pad),
        _augly("pad_square", lambda draw: {"color": draw.colour()}),
        _augly("perspective_transform", edit_parameters.perspective_transform),
        _augly("resize", edit_parameters.resize),
        _augly("rotate", lambda draw: {"degrees": draw.signed(2.0, 90.0)}),
        _augly("skew", edit_parameters.skew),
        _augly("vflip"),
        # Something over the image, or the image over something.
        _augly(
            "masked_composite",
            overlay_parameters.masked_composite,
            overlay_parameters.masked_composite_objects,
        ),
        _augly("meme_format", overlay_parameters.meme_format, shortest_side=64),
        _augly("overlay_emoji", overlay_parameters.overlay_emoji),
        _augly(
            "overlay_image",
            overlay_parameters.overlay_image,
            lambda draw, parameters: {"overlay": draw.another_image()},
        ),
        _augly(
            "overlay_onto_background_image",
            overlay_parameters.overlay_onto_background_image,
            lambda draw, parameters: {"background_image": draw.another_image()},
        ),
        _augly(
            "overlay_onto_screenshot", overlay_parameters.overlay_onto_screenshot, shortest_side=64
        ),
        _augly("overlay_stripes", overlay_parameters.overlay_stripes),
        _augly("overlay_text", overlay_parameters.overlay_text),
    )
)
