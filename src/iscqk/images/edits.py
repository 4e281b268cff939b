"""Every image edit, AugLy's and our own, at any strength, as a pure function.

An edit is declared by one line of a table: what is called, how its arguments are drawn, and how far
they go. Strength 0 is barely visible, 1 is severe and yet recognised by a person in most cases.
Edits in which nothing grows, such as a flip, have no strength: they happen or not.
"""

import difflib
import json

import numpy as np
from PIL import Image

from iscqk.errors import UserError
from iscqk.images import augly_edits, own_edits
from iscqk.images.edit_interface import Edit
from iscqk.images.parameter_sampler import Backgrounds, Parameters, ParameterSampler
from iscqk.images.sanitize import sanitize
from iscqk.schema.registry import joined

EDITS: dict[str, Edit] = joined("edit", augly_edits.EDITS, own_edits.EDITS)
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
        An RGB image of at least 8 x 8 and at most 4,000,000 pixels, and the arguments of the edit's
        function as values that JSON can hold (paths relative to AugLy's folders).

    Raises:
        UserError: an unknown name, a strength outside [0, 1], or an edit that gives something else.
    """
    edit = find_edit(name)
    if not 0 <= strength <= 1:
        raise UserError(f"the strength of an edit must be in [0, 1], not {strength}")
    image = sanitize(image, edit.shortest_side)
    sampler = ParameterSampler(image.size, strength, rng, backgrounds)
    parameters = edit.parameters(sampler)
    arguments = parameters | edit.objects(sampler, parameters)
    sampler.seed()  # unused, but without it the same seeds would give other chains than they gave
    told = _as_told(name, parameters)
    edited = edit.function(image, **arguments)
    if not isinstance(edited, Image.Image):
        what = f"its function returns {type(edited).__name__}"
        raise UserError(f"edit {name}: {what}; return a Pillow image, as Image.fromarray makes one")
    return sanitize(edited), told


def _as_told(name: str, parameters: Parameters) -> Parameters:
    """Return an edit's parameters as they are told of, in what JSON has."""
    try:
        told: Parameters = json.loads(json.dumps(parameters))
    except (TypeError, ValueError) as error:
        what = f"its parameters hold what JSON cannot ({error})"
        raise UserError(
            f"edit {name}: {what}; make numpy's numbers int(...) or float(...)"
        ) from None
    return told


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
