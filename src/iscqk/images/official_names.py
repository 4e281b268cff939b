"""What the challenge's own images are named: each by its id, and all of them are there."""

import logging
from collections.abc import Sequence
from itertools import compress
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.printable_names import printable
from iscqk.images.ingestion import SplitIds

logger = logging.getLogger(__name__)


def check_official(paths: Sequence[Path], split: SplitIds, is_listed: bool) -> None:
    """Refuse images that no id names, and tell of ids that no image has.

    A stray file would get the id of an image that is missing.

    Args:
        paths: all images of a split, before any is looked at.
        split: the ids that they go by.
        is_listed: whether a list file says which of them there are.

    Raises:
        UserError: an image is not named by an id of the split.
    """
    form, named = split.form, split.names(paths)
    if strays := list(compress(paths, ~named)):
        what = f"named by no id of a {form.kind} image ({split.description})"
        other = split.have_form(strays)
        remedy = "is this the folder of the other phase?" if other else "move it away"
        count = f"{len(strays)} such files"
        raise UserError(f"{printable(strays[0])}: {what}; {remedy} ({count})")
    there = {path.stem for path in paths}
    missing = (own for own in map(form.make, split.numbers) if own not in there)
    if not is_listed and (first := next(missing, None)):
        logger.warning(
            "%d of the challenge's %d %s images, %s is the first that is missing; unpack all "
            "archives, or name those that count in a list file (dataset.lists)",
            *(len(paths), len(split.numbers), form.kind, first),
        )
