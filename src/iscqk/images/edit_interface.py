"""What an edit is; `edits` has them all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator, default_rng
from PIL import Image

from iscqk.images.parameter_sampler import Parameters, ParameterSampler
from iscqk.images.sanitize import SHORTEST_SIDE

Drawn = Callable[[ParameterSampler], Parameters]
Objects = Callable[[ParameterSampler, Parameters], dict[str, Any]]


def nothing(sampler: ParameterSampler) -> Parameters:
    """Draw no parameters: the edit happens or not."""
    return {}


def no_objects(sampler: ParameterSampler, parameters: Parameters) -> dict[str, Any]:
    """Every argument is a parameter."""
    return {}


@dataclass(frozen=True)
class Edit:
    """A function that edits an image, and how its arguments are drawn.

    Attributes:
        function: takes an RGB image, which it leaves as it is, and the arguments by name; the same
            image and arguments give the same pixels. Lists and tuples are the same to it.
        parameters: draws the arguments, in values that JSON can hold.
        objects: those that JSON cannot hold (images, functions), by the parameters that stand for
            them.
        shortest_side: in pixels; a smaller image is enlarged first.
    """

    function: Callable[..., Image.Image]
    parameters: Drawn = nothing
    objects: Objects = no_objects
    shortest_side: int = SHORTEST_SIDE

    @property
    def has_strength(self) -> bool:
        """Whether anything of it grows with the strength; else it happens or not."""
        mild, severe = (
            self.parameters(ParameterSampler((512, 512), strength, default_rng(0), _blank))
            for strength in (0, 1)
        )
        return mild != severe


def _blank(rng: Generator) -> Image.Image:
    return Image.new("RGB", (512, 512))
