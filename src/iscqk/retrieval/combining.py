"""From the predictions of parts of the references to those of all of them."""

from collections.abc import Iterable

import numpy as np

from iscqk.formats.predictions import Predictions
from iscqk.formats.submission import Submission


def combine(
    parts: Iterable[Predictions], max_results: int, submission: Submission | None = None
) -> Predictions:
    """Return the best of the lists of several parts of the references, best first.

    It is what one search over all of them returns, where each part's list was made for as many
    results: equal scores rank by the row of the query, then of the reference.

    Args:
        parts: the lists, in any order.
        max_results: how many pairs, over all queries together.
        submission: that was searched; without it ids stand for its rows, which ascend in any that
            the platform takes.
    """
    best = None
    for part in parts:
        every = part if best is None else best.with_more(part)
        places = submission.rows_of(every) if submission else (every.keys,)
        best = every.at(np.lexsort((*reversed(places), -every.scores))[:max_results])
    if best is None:
        raise ValueError("there is no part to combine")
    return best
