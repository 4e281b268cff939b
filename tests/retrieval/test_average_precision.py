"""Average precision against its definition, and where pairs of one score stand."""

import numpy as np
import pytest

from iscqk.retrieval.average_precision import average_precision, hit_ranks, order_wrong_first


@pytest.mark.parametrize("decimals", [9, 1, 0], ids=["no ties", "ties", "hardly a difference"])
def test_it_is_the_mean_precision_where_a_true_pair_is_found(decimals):
    """Of equal scores wrong pairs come first: of a collapsed network's all are, and none helps."""
    rng = np.random.default_rng(5)
    scores, correct = rng.normal(size=84).round(decimals), rng.random(84) < 0.1
    rows = sorted(range(84), key=lambda row: (-scores[row], correct[row]))
    ranks = [rank for rank, row in enumerate(rows, 1) if correct[row]]
    assert hit_ranks(scores, correct).tolist() == ranks and len(ranks) > 4
    assert order_wrong_first(scores, correct).tolist() == rows
    expected = sum(found / rank for found, rank in enumerate(ranks, 1)) / 11
    assert average_precision(hit_ranks(scores, correct), 11) == pytest.approx(expected, rel=1e-12)


def test_where_all_scores_are_equal_what_is_true_stands_last():
    correct = np.array([True, False, True, False])
    assert hit_ranks(np.zeros(4), correct).tolist() == [3, 4]


def test_nothing_found_scores_nothing():
    assert average_precision(hit_ranks(np.zeros(3), np.zeros(3, dtype=bool)), 2) == 0
