"""From the predictions of parts of the references to those of all of them."""

from collections.abc import Iterable

import numpy as np

from iscqk.formats.predictions import Predictions


def combine(parts: Iterable[Predictions], max_results: int) -> Predictions:
    """Return the best of the lists of several parts of the references, best first.

    It is what one search over all of them returns, where each part's list was made for as many
    results: equal scores rank by query id, then by reference id.
    """
    best = None
    for part in parts:
        every = part if best is None else best.with_more(part)
        best = every.at(np.lexsort((every.keys, -every.scores))[:max_results])
    if best is None:
        raise ValueError("there is no part to combine")
    return best
