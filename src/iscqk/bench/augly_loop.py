"""The plain loop that making copies is measured against.

It makes the copies of a `Copier` as anybody would who has read AugLy's documentation: open the
whole image, call one AugLy function after the other, shrink what comes out and save it.
"""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import make_copy
from iscqk.images.edits import find_edit
from iscqk.images.opening import open_image
from iscqk.images.parameter_sampler import ParameterSampler
from iscqk.images.sanitize import sanitize

_NOTHING_RANDOM = np.random.default_rng(0)  # everything is drawn already


class Recipe(NamedTuple):
    """A copy as its record tells it: the image's path, its edits, other images in their order."""

    path: str
    edits: list[dict[str, Any]]
    backgrounds: list[str]


def recipe(copier: Copier, task: Task) -> Recipe:
    """Return what the chain of a task is at the image's full size.

    The key decides it as in `copier.copy`: the same functions at the same strengths, and the same
    arguments as far as they do not count pixels.
    """
    taken: list[str] = []

    def background(rng: np.random.Generator) -> Image.Image:
        chosen = copier.backgrounds[int(rng.integers(len(copier.backgrounds)))]
        taken.append(str(chosen))  # the path of a file
        return open_image(chosen)

    edits = make_copy(open_image(task.path), copier.pool, task.key, background)[1]
    return Recipe(task.path, edits, taken)


def copy_plainly(made_by: Recipe, side: int, quality: int) -> bytes:
    """Return the copy as JPEG, its longest side at most `side` pixels."""
    image = _opened(made_by.path)
    backgrounds = iter(made_by.backgrounds)
    for edit in made_by.edits:
        image = _edited(image, edit, lambda rng: _opened(next(backgrounds)))
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _opened(path: str) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _edited(
    image: Image.Image,
    edit: dict[str, Any],
    backgrounds: Callable[[np.random.Generator], Image.Image],
) -> Image.Image:
    """Call one function; return RGB, of which most of AugLy's make sure themselves."""
    call = find_edit(edit["name"])
    image = sanitize(image, call.shortest_side)
    parameters = {key: _as_drawn(value) for key, value in edit["parameters"].items()}
    sampler = ParameterSampler(image.size, edit["strength"], _NOTHING_RANDOM, backgrounds)
    return sanitize(call.function(image, **(parameters | call.objects(sampler, parameters))))


def _as_drawn(value: Any) -> Any:
    """Undo what JSON does to colours and matrices: AugLy takes no lists for them."""
    is_flat_list = isinstance(value, list) and not isinstance(value[0], list)
    return tuple(value) if is_flat_list else value
