"""From the predictions of parts of the references to those of all of them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import first_where
from iscqk.formats.predictions import Predictions
from iscqk.formats.submission import Submission


def combine(
    parts: Iterable[tuple[Path, Predictions]],
    max_results: int,
    submission: Submission | None,
) -> Predictions:
    """Return the best of the lists of several parts of the references, best first.

    It is what one search over all of them returns, where each part's list was made for as many
    results: equal scores rank by the row of the query, then of the reference.

    Args:
        parts: the lists and their files, in any order.
        max_results: how many pairs, over all queries together.
        submission: that was searched; None: ids stand for its rows, which ascend in any that
            the platform takes.

    Raises:
        UserError: a pair is in two of the lists.
    """
    best = None
    for path, part in parts:
        every = part if best is None else _with_part(best, path, part)
        places = submission.rows_of(every) if submission else (every.keys,)
        best = every.at(np.lexsort((*reversed(places), -every.scores))[:max_results])
    if best is None:
        raise ValueError("there is no part to combine")
    return best


def _with_part(best: Predictions, path: Path, part: Predictions) -> Predictions:
    if (at := first_where(np.isin(part.keys, best.keys))) is not None:
        pair = f"{part.query_ids[at]},{part.reference_ids[at]}"
        what = "is there twice, here and in a part before it"
        raise UserError(f"{path}: {pair} {what}; name the list of each part once")
    return best.with_more(part)
