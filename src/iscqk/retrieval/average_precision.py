"""Average precision of one list of scored pairs, wrong ones first where scores are equal.

With h_i true pairs among the first i of the list, the precision at rank i is h_i / i; average
precision is the mean over all true pairs of the precision where each was found. So it takes the
ranks of the true pairs alone.

This is all of scoring that a training looks at: what else `metrics` has may change, and redoes
none.
"""

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray, IntArray


def order_wrong_first(scores: DoubleArray, correct: BoolArray) -> IntArray:
    """Return the rows of (n,) pairs, best score first; of equal ones those that are not correct."""
    return np.lexsort((correct, -scores))


def hit_ranks(scores: DoubleArray, correct: BoolArray) -> IntArray:
    """Return the ranks of the true pairs in that order, ascending, from 1.

    Of those with one score the last has as its rank how many score no less, wrong ones among
    them. So the list need not be put in order: its sorted scores, which are fast to be had, do.
    """
    scores, hits = np.sort(scores), np.sort(scores[correct])
    no_less = len(scores) - np.searchsorted(scores, hits)
    tied_behind = np.arange(len(hits)) - np.searchsorted(hits, hits)
    return (no_less - tied_behind)[::-1]


def precisions(ranks: IntArray) -> DoubleArray:
    """Return the precision at the rank of each true pair that was found, ascending ones."""
    return np.arange(1, len(ranks) + 1) / ranks


def average_precision(ranks: IntArray, positives: int) -> float:
    """Return average precision by the ranks of the true pairs found, of so many in all."""
    return float(precisions(ranks).sum() / positives)
