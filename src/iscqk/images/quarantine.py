"""What becomes of images that cannot be read: all are told and refused, or they are set aside.

With them training images that must not be learned from are set aside: references and queries.
"""

import logging
from collections.abc import Iterable

import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.manifest import COLUMNS
from iscqk.formats.printable_names import printable
from iscqk.images.opening import BadImage

logger = logging.getLogger(__name__)

QUARANTINED = ["id", "path", "reason"]


def refuse_bad(listings: Iterable[pd.DataFrame]) -> None:
    """Refuse the images of several splits that cannot be read.

    Args:
        listings: rows with `path` and `reason`, which is "" for an image that can be read.

    Raises:
        UserError: there are some; all of them are logged, the first is named.
    """
    refuse_all(
        str(BadImage.of(path, reason))
        for rows in map(_bad, listings)
        for path, reason in zip(rows["path"], rows["reason"], strict=True)
    )


def refuse_all(found: Iterable[str]) -> None:
    """Refuse what is wrong with images, all of it at once: to look at them again takes long.

    Raises:
        UserError: something is; all of it is logged, the first is named.
    """
    problems = list(found)
    for problem in problems[1:]:  # the first is the error itself
        logger.error("%s", problem)
    if problems:
        others = f" (and {len(problems) - 1} more, all in the log)" if len(problems) > 1 else ""
        raise UserError(problems[0] + others)


def set_aside(rows: pd.DataFrame, name: str, graded: bool) -> pd.DataFrame:
    """Return the manifest of a split without its bad images, or with rows of nothing for them.

    Args:
        rows: of a manifest, with `reason`.
        name: of the split, for the log.
        graded: whether the grader wants every id.

    Raises:
        UserError: no image is left.
    """
    bad = _bad(rows)
    if len(bad) and len(bad) == len(rows):
        reason = bad["reason"].iloc[0]
        raise UserError(f"{name}: none of {len(rows)} images is left; the first: {reason}")
    for image, path, reason in zip(*(bad[column] for column in QUARANTINED), strict=True):
        logger.warning("quarantined %s, %s: %s", image, printable(path), reason)
    return (rows if graded else rows.drop(bad.index))[COLUMNS]


def quarantined(listings: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return id, path and reason of the images of several splits that are set aside."""
    return pd.concat([_bad(rows)[QUARANTINED] for rows in listings])


def _bad(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["reason"] != ""]
