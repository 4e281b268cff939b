"""What a command begins with before it has torch, which takes two seconds to import."""

from collections.abc import Sequence
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.model_files import (
    GIST_ROLE,
    LARGEST_SIDE,
    ROLES,
    read_encoder_facts,
    read_settings,
    settings_folder,
)
from iscqk.images.reading_ahead import Ahead
from iscqk.models.ready import ready_folder


def read_ahead(model: Path | None, images: Sequence[Path], threads: int) -> Ahead | None:
    """Begin to read images as a model looks at them, if there is a thread to do so.

    Args:
        model: its folder, see `Model.load`; None: the ready model.
        images: those that will be described, in that order.
        threads: to compute with.
    """
    sides, trimmed = _sides_and_trimming(model) if images and threads > 1 else ([], False)
    fit = sides and all(1 <= side <= LARGEST_SIDE for side in sides)
    return Ahead(images, sides, trimmed) if fit else None


def _sides_and_trimming(model: Path | None) -> tuple[list[int], bool]:
    """Return the sides at which a model looks at images, none if its folder does not tell.

    And whether it looks at them without their margins, too.
    """
    try:
        folder = settings_folder(ready_folder() if model is None else model)
        if folder is None:
            return [], False
        describe = read_settings(folder)["describe"]
        own = max(map(int, describe["sizes"]), default=_image_size(folder / ROLES[0]))
        sides = [own, *([_image_size(folder / GIST_ROLE)] if describe["gist"] else [])]
        return sides, bool(describe.get("trimmed"))
    # What is wrong with it is told by who loads it.
    except (OSError, ValueError, KeyError, TypeError, OverflowError, UserError):
        return [], False


def _image_size(encoder: Path) -> int:
    return int(read_encoder_facts(encoder)["encoder"]["image_size"])
