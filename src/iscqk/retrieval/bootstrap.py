"""How far micro-AP varies with the queries: the paired bootstrap (Efron & Tibshirani 1993).

A phase's queries are a sample of those there might have been. Each draw takes as many of them with
replacement, distractors among them; a query that is drawn twice counts as two, with its predictions
and its true pairs. The spread of micro-AP over many draws is about what other sets of queries of
this size would give: its middle 95 % are the percentile interval. Two models that are scored by the
same draws differ by less than either varies, as a hard draw is hard for both: take the differences
draw by draw, then their interval.

What varies here are queries alone: the models, the references and the list that was scored stay. A
list that was cut at so many pairs is not filled up where a draw leaves some of them out.

With w_q how often a draw has query q, and a true pair of it with W wrong pairs of no lower score,
which count as often as their queries are drawn, and H right ones before it:

    micro-AP = sum over true pairs, over j = 1..w_q, of (H + j) / (H + j + W)  /  P

P counts the true pairs of the drawn queries. One sort gives all draws their order.
"""

from collections.abc import Iterator

import numpy as np

from iscqk.formats.arrays import DoubleArray, IntArray
from iscqk.retrieval.metrics import Judged

_SEED = 0  # of the draws: the same results have the same interval
_OUTSIDE = (2.5, 97.5)  # percentiles


def micro_ap_by_draw(
    judged: Judged, queries: IntArray, true_queries: IntArray, draws: int
) -> DoubleArray:
    """Return micro-AP for each draw of queries; those of other lists of `queries` pair with it.

    Args:
        judged: the list that was scored, in any order.
        queries: (n,) the numbers of all queries, ascending, each once, also of those that no
            prediction is of.
        true_queries: (p,) the query of each true pair, found or not.
        draws: how many.

    Returns:
        (draws,) micro-AP; NaN where no true pair is of a drawn query.
    """
    correct = judged.correct[judged.order]
    rows = np.searchsorted(queries, judged.queries[judged.order])
    hits, wrong, before = rows[correct], rows[~correct], np.cumsum(~correct)[correct]
    positives = np.bincount(np.searchsorted(queries, true_queries), minlength=len(queries))
    found = np.full(draws, np.nan)
    for draw, times in enumerate(_draws(len(queries), draws)):
        if total := positives @ times:
            passed = np.concatenate([[0], np.cumsum(times[wrong])])[before]
            found[draw] = _precisions(times[hits], passed).sum() / total
    return found


def interval(values: DoubleArray) -> tuple[float, float]:
    """Return between which the middle 95 % of values by draw lie; NaN twice where there is none."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.percentile(known, _OUTSIDE)
    return float(low), float(high)


def _draws(queries: int, draws: int) -> Iterator[IntArray]:
    """Yield for each draw how often it has each of (n,) queries, the same at each call."""
    random = np.random.default_rng(_SEED)
    for _ in range(draws):
        yield np.bincount(random.integers(queries, size=queries), minlength=queries)


def _precisions(times: IntArray, wrong: IntArray) -> DoubleArray:
    """Return the precision at each copy of a true pair, of (h,) ones by falling score.

    Args:
        times: how often each is there.
        wrong: how many wrong pairs, as often as they are there, are before it.
    """
    rank_among_right = np.arange(1, times.sum() + 1)
    return rank_among_right / (rank_among_right + np.repeat(wrong, times))
