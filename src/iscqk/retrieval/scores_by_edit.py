"""Which edits defeat the descriptors: the scores of the queries that each edit helped to make.

For an edit, take

- its queries: those with a true pair whose chain includes it, alone or among others;
- its positives: their true pairs;
- its list: all predictions for its queries *and* for all distractors (queries without a true pair,
  listed or not), in the order of the whole list.

micro-AP and R@P90 are those of this list with these positives. Distractors are in every group,
since a query is not known to be one: a group's precision falls as it would in the whole. So groups
of few queries face as many distractors as those of many; compare an edit with itself, between
methods, rather than with a more frequent one. recall@1 is the share of positives whose reference is
the best-scored one of its query (wrong pairs first where scores are equal), distractors aside.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from iscqk.formats.arrays import BoolArray, StrArray
from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.ids import QUERY, repeated
from iscqk.retrieval.metrics import Judged, micro_average_precision, recall_at_precision

COLUMNS = ["edit", "queries", "positives", "found", "micro_ap", "recall_at_p90", "recall_at_1"]


def table_by_edit(
    judged: Judged, ground_truth: GroundTruth, edits: Mapping[str, StrArray]
) -> pd.DataFrame:
    """Return a row of scores for each edit that made a query with a true pair.

    Args:
        judged: the whole list.
        ground_truth: what it was held against.
        edits: for each edit the queries whose chain includes it.
    """
    queries, true_queries = judged.queries, QUERY.numbers(ground_truth.query_ids)
    distractor = ~np.isin(queries, true_queries)
    best = _first_of_its_query(judged)
    rows = []
    for edit, members in edits.items():
        positive = np.isin(true_queries, QUERY.numbers(members))
        own_queries = np.unique(true_queries[positive])
        if len(own_queries):
            own = np.isin(queries, own_queries)
            scores = _scores(judged, own, distractor, best, int(positive.sum()))
            rows.append((edit, len(own_queries), int(positive.sum()), *scores))
    return pd.DataFrame(rows, columns=COLUMNS)


def _scores(
    judged: Judged, own: BoolArray, distractor: BoolArray, best: BoolArray, positives: int
) -> tuple[int, float, float, float]:
    """Return one group's true pairs found, micro-AP, R@P90 and recall@1."""
    group = judged.of(own | distractor, positives)
    return (
        int(group.correct.sum()),
        micro_average_precision(group),
        recall_at_precision(group),
        float((best & own).sum() / positives),
    )


def _first_of_its_query(judged: Judged) -> BoolArray:
    """Return which true pairs are their query's best, wrong ones first where scores are equal."""
    first = np.zeros(len(judged.order), dtype=np.bool_)
    first[judged.order] = ~repeated(judged.queries[judged.order])
    return first & judged.correct
