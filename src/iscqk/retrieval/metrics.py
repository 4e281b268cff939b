"""The challenge's scores: micro-AP and recall at 90 % precision, by either official evaluator.

All predictions of all queries form one list, best score first. Where scores are equal, wrong pairs
stand before right ones, so that a tie never flatters. With rank i from 1, P true pairs in all and
h_i of them among the first i:

    precision_i = h_i / i      recall_i = h_i / P
    micro-AP    = sum over i of (recall_i - recall_(i-1)) * precision_i
    R@P90       = largest recall_i with precision_i >= 0.9, or 0 where there is none

Without interpolation; queries without a true pair (distractors) add wrong pairs only (isc2021
`isc/metrics.py`; DrivenData `eval_metrics.py` has the same formula). The two evaluators differ in
what they count, which is named a convention here:

    fb          every query of the file, and the best 500,000 pairs, however few queries there are
    drivendata  only the n queries that the ground truth lists, and the best 10 n pairs of them all

With all 50,000 queries listed they agree. With the ground truth released after the competition,
which lists no distractor, `drivendata` drops all distractors and reports too much.
"""

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, DoubleArray, IntArray, StrArray
from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.ids import QUERY, pair_keys, query_numbers
from iscqk.formats.predictions import MAX_PREDICTIONS, Predictions
from iscqk.retrieval.average_precision import (
    average_precision,
    hit_ranks,
    order_wrong_first,
    precisions,
)

CONVENTIONS = ("fb", "drivendata")
PRECISION_FLOOR = 0.9

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """Predictions that were held against the ground truth, in any order.

    Attributes:
        queries: (n,) the number of each one's query.
        scores: (n,)
        correct: (n,) whether the pair is true.
        positives: P, true pairs in all, found or not.
    """

    queries: IntArray
    scores: DoubleArray
    correct: BoolArray
    positives: int

    @cached_property
    def hit_ranks(self) -> IntArray:
        """Ranks of the true pairs that were found, ascending, from 1."""
        return hit_ranks(self.scores, self.correct)

    @cached_property
    def order(self) -> IntArray:
        """Rows by rank: best score first, of equal ones wrong before right."""
        return order_wrong_first(self.scores, self.correct)

    def of(self, kept: BoolArray | IntArray, positives: int) -> "Judged":
        """Return the predictions where a mask holds, or in (m,) rows, for other true pairs."""
        return Judged(self.queries[kept], self.scores[kept], self.correct[kept], positives)

    def best(self, count: int) -> "Judged":
        """Return at most `count` predictions, those of highest score; of equal ones wrong first."""
        return self.of(self.order[:count], self.positives)


def check_scorable(ground_truth: GroundTruth, convention: str) -> None:
    """Raise UserError where no score is defined: no true pair, or no such convention."""
    if convention not in CONVENTIONS:
        raise UserError(f"no convention '{convention}'; choose {' or '.join(CONVENTIONS)}")
    if not len(ground_truth):
        raise UserError("the ground truth has no true pair, so there is no score; check its file")


def budget(ground_truth: GroundTruth, convention: str) -> int:
    """Return how many pairs the convention takes from the search."""
    if convention == "drivendata":
        return 10 * len(ground_truth.listed_queries)
    return MAX_PREDICTIONS


def counted_queries(query_ids: StrArray, ground_truth: GroundTruth, convention: str) -> BoolArray:
    """Return for each of (n,) queries whether the convention counts what is predicted for it."""
    if convention == "fb":
        return np.ones(len(query_ids), dtype=np.bool_)
    return np.isin(QUERY.numbers(query_ids), QUERY.numbers(ground_truth.listed_queries))


def judge(predictions: Predictions, ground_truth: GroundTruth, convention: str = "fb") -> Judged:
    """Hold the predictions that the convention counts against the ground truth.

    Predictions are taken as they are: the conventions' numbers of pairs apply to searches, and
    neither evaluator applies them to a list of predictions.

    Raises:
        UserError: no true pair in the ground truth, or an unknown convention.
    """
    check_scorable(ground_truth, convention)
    if convention == "drivendata" and ground_truth.positives_only:
        log.warning(
            "the ground truth lists no distractors, so the drivendata convention leaves them all "
            "out and the score is too high; use the fb convention, or a ground truth with them"
        )
    if convention != "fb":
        counted = counted_queries(predictions.query_ids, ground_truth, convention)
        predictions = predictions.at(counted)
    keys, scores = predictions.keys, predictions.scores
    correct = np.isin(keys, pair_keys(ground_truth.query_ids, ground_truth.reference_ids))
    return Judged(query_numbers(keys), scores, correct, len(ground_truth))


def micro_average_precision(judged: Judged) -> float:
    """Return micro-AP: the mean over all true pairs of the precision where each was found."""
    return average_precision(judged.hit_ranks, judged.positives)


def recall_at_precision(judged: Judged) -> float:
    """Return the largest recall reached with `PRECISION_FLOOR` or more; 0 where never.

    Between two true pairs recall stands still and precision falls, so their ranks are enough.
    """
    enough = np.flatnonzero(precisions(judged.hit_ranks) >= PRECISION_FLOOR)
    return float((enough.max(initial=-1) + 1) / judged.positives)


def precision_recall_curve(judged: Judged) -> pd.DataFrame:
    """Return rank, score, precision and recall where a true pair was found: the curve's corners.

    Between two of them recall stands still; the mean of the precisions times the last recall is
    micro-AP.
    """
    ranks = judged.hit_ranks
    return pd.DataFrame(
        {
            "rank": ranks,
            "score": np.sort(judged.scores[judged.correct])[::-1],
            "precision": precisions(ranks),
            "recall": np.arange(1, len(ranks) + 1) / max(judged.positives, 1),
        }
    )
