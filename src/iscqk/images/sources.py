"""Which images queries are made of: no two of one content, and none of one colour."""

from collections.abc import Sequence
from functools import partial
from itertools import chain, islice

import pandas as pd
from PIL import Image

from iscqk.formats.listed import Listed
from iscqk.formats.manifest import unreadable
from iscqk.images.squares import is_flat
from iscqk.images.verified import open_verified
from iscqk.runtime.logs import progress
from iscqk.runtime.workers import parallel_map


def of_own_content(references: pd.DataFrame, others: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return by split the rows of two manifests that queries may be made of.

    Of a reference that is there twice no copy is made: it would have two originals, and a ground
    truth names one. Of others that are alike the first is left. None is left that cannot be read.
    """
    references, others = (rows[~unreadable(rows)] for rows in (references, others))
    return {
        "references": references[~references["sha256"].duplicated(keep=False)],
        "others": others[~others["sha256"].duplicated()],
    }


def first_pictures(paths: Sequence[Listed], count: int, side: int, workers: int) -> list[int]:
    """Return where the first `count` images are that are of more than one colour, or all of them.

    No more are opened than it takes.

    Args:
        paths: of images, in the order in which they are wanted.
        count: how many are wanted.
        side: longest side in pixels, at which they are looked at: that at which they are edited.
        workers: processes to open them by.

    Raises:
        BadImage: one cannot be read, or is another than was listed.
    """
    function, first = partial(_is_flat, side), paths[:count]
    flat = map(function, first) if workers == 1 else parallel_map(function, first, workers, 16)
    looked = [*progress(flat, len(first), "sources")]
    # One by one, until there are enough: few of most collections are of one colour.
    rest = map(function, paths[count:])
    pictures = (number for number, is_blank in enumerate(chain(looked, rest)) if not is_blank)
    return list(islice(pictures, count))


def _is_flat(side: int, path: Listed) -> bool:
    image = open_verified(path, side)
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    return is_flat(image)
