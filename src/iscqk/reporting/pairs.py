"""Which pairs tell most: the surest and the least sure matches, the mistakes, the misses."""

import numpy as np
import pandas as pd

from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.ids import repeated
from iscqk.formats.predictions import Predictions
from iscqk.retrieval.metrics import judge

# In the order in which the report shows them.
KINDS = ("surest", "least sure", "mistakes", "missed")


def ranked_pairs(predictions: Predictions, ground_truth: GroundTruth) -> pd.DataFrame:
    """Return all predictions in the metric's order, wrong pairs first where scores are equal.

    Columns: rank from 1, query, retrieved (a reference), score, correct, and first: whether no
    pair of the same query stands before.
    """
    judged = judge(predictions, ground_truth)
    order = judged.order
    queries = predictions.query_ids[order]
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(order) + 1),
            "query": queries,
            "retrieved": predictions.reference_ids[order],
            "score": predictions.scores[order],
            "correct": judged.correct[order],
            "first": ~repeated(queries),
        }
    )


def missed_copies(pairs: pd.DataFrame, ground_truth: GroundTruth) -> pd.DataFrame:
    """Return the copies whose best pair is not the true one, worst first.

    Columns: those of `ranked_pairs`, of the best pair (missing where the query has none),
    `reference`, the true one, and `true_rank`, that of the true pair (NaN: not in the list).
    """
    true = pd.DataFrame({"query": ground_truth.query_ids, "reference": ground_truth.reference_ids})
    ranks = pairs.loc[pairs["correct"], ["query", "retrieved", "rank"]]
    ranks = ranks.rename(columns={"retrieved": "reference", "rank": "true_rank"})
    best = true.merge(ranks, "left").merge(pairs[pairs["first"]], "left", on="query")
    missed = best[~best["correct"].eq(True)]
    keys = ["true_rank", "rank"]
    worst_first = missed.sort_values(keys, ascending=[False, True], na_position="first")
    return worst_first.drop_duplicates("query")


def telling_pairs(
    pairs: pd.DataFrame, ground_truth: GroundTruth, edits: dict[str, str], count: int
) -> dict[str, pd.DataFrame]:
    """Return up to `count` pairs of each of `KINDS`, no query twice among mistakes and misses.

    Args:
        pairs: of `ranked_pairs`.
        ground_truth: what they were judged by.
        edits: a text for each query; pairs of different edits are preferred.
        count: of each kind.

    Returns:
        For each kind the columns of `ranked_pairs` and `reference`, the true one or "".
    """
    true = dict(zip(ground_truth.query_ids, ground_truth.reference_ids, strict=True))
    reference = pairs["query"].map(lambda query: true.get(query, ""))
    # of a query that copies several references, a right pair names its own
    known = pairs.assign(reference=reference.mask(pairs["correct"], pairs["retrieved"]))
    right = known[known["correct"] & known["first"]]
    wrong = known[~known["correct"]].drop_duplicates("query")
    mistakes = _varied(wrong, edits, count)
    missed = missed_copies(pairs, ground_truth)
    missed = missed[~missed["query"].isin(mistakes["query"])]
    half = (len(right) + 1) // 2
    surest = _varied(right[:half], edits, count)
    least_sure = _varied(right[half:][::-1], edits, count)
    chosen = (surest, least_sure, mistakes, _varied(missed, edits, count))
    return dict(zip(KINDS, chosen, strict=True))


def _varied(rows: pd.DataFrame, edits: dict[str, str], count: int) -> pd.DataFrame:
    """Return the first rows, those whose edits were there already only where too few are left."""
    again = rows["query"].map(lambda query: edits.get(query, "")).duplicated()
    return pd.concat([rows[~again], rows[again]]).head(count)
