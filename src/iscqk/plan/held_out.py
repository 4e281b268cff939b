"""How many training images a method does not learn from, and whether it leaves any."""

from collections.abc import Iterable
from typing import NamedTuple, Self

from iscqk.errors import UserError
from iscqk.formats.printable_names import printable


class HeldOut(NamedTuple):
    """What `validation_images` says of a method; as text METHOD=NUMBER."""

    method: str
    images: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what a text says; UserError where it is written otherwise."""
        method, _, number = text.partition("=")
        if not (method and number.isascii() and number.isdigit()):
            raise UserError(f"{printable(text)}: no METHOD=NUMBER; write it as one")
        return cls(method, int(number))

    def __str__(self) -> str:
        return f"{self.method}={self.images}"


def refuse_too_few(held_out: Iterable[HeldOut], there: int) -> None:
    """Refuse to hold out a single training image, or so many that none are left to learn from.

    Raises:
        UserError: one is held out, whose copy is always found, or fewer than two are left.
    """
    for method, images in held_out:
        if images == 1:
            raise UserError(
                f"config: train.{method}.validation_images: 1 image alone is always found; raise "
                "it to at least 2, or set 0"
            )
        if images and there - images < 2:
            raise UserError(
                f"config: train.{method}.validation_images: {images} of {there} training images "
                f"leave none to learn from; lower it to {max(there - 2, 0)}, or add training "
                "images"
            )
