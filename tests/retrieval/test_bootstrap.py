"""The bootstrap over queries against one that resamples the rows of both files literally."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.predictions import Predictions
from iscqk.retrieval import bootstrap
from iscqk.retrieval.bootstrap import interval, micro_ap_by_draw
from iscqk.retrieval.metrics import judge, micro_average_precision

QUERIES, REFERENCES = 6, 3
PAIRS = [(query, reference) for query in range(QUERIES) for reference in range(REFERENCES)]


def of(pairs, scores):
    """Return the pairs as predictions with scores, and as a ground truth."""
    queries = np.array([QUERY.make(query) for query, _ in pairs], dtype=np.str_)
    references = np.array([REFERENCE.make(reference) for _, reference in pairs], dtype=np.str_)
    scores = np.array(scores[: len(pairs)], dtype=np.float64)
    return Predictions(queries, references, scores), GroundTruth(queries, references, queries[:0])


def literally(listed, truth, drawn):
    """Give each drawn query, one taken twice as two, its rows of both; score these anew."""
    rows = [((n, r), s) for n, q in enumerate(drawn) for (p, r), s in listed.items() if p == q]
    true = [(n, r) for n, q in enumerate(drawn) for p, r in truth if p == q]
    if not true:
        return np.nan
    predictions, _ = of([pair for pair, _ in rows], [score for _, score in rows])
    return micro_average_precision(judge(predictions, of(true, [0.0] * len(true))[1]))


@settings(max_examples=50)
@given(
    listed=st.dictionaries(st.sampled_from(PAIRS), st.sampled_from([0.1, 0.5, 0.5001, 2.0])),
    truth=st.sets(st.sampled_from(PAIRS), min_size=1),
)
def test_draws_are_scored_as_if_their_rows_were_written_out(listed, truth):
    predictions, _ = of([*listed], [*listed.values()])
    _, true = of(sorted(truth), [0.0] * len(truth))
    judged = judge(predictions, true)
    by_draw = micro_ap_by_draw(judged, np.arange(QUERIES), QUERY.numbers(true.query_ids), 8)
    random = np.random.default_rng(0)
    expected = [literally(listed, truth, random.integers(QUERIES, size=QUERIES)) for _ in range(8)]
    np.testing.assert_allclose(by_draw, expected, rtol=1e-12)


def test_who_is_drawn_once_each_has_the_score_itself(monkeypatch):
    listed = {pair: score for score, pair in enumerate(PAIRS)}
    predictions, _ = of([*listed], [*listed.values()])
    _, true = of(PAIRS[::4], [0.0] * len(PAIRS))
    judged = judge(predictions, true)
    monkeypatch.setattr(bootstrap, "_draws", lambda queries, draws: [np.ones(queries, dtype=int)])
    (found,) = micro_ap_by_draw(judged, np.arange(QUERIES), QUERY.numbers(true.query_ids), 1)
    assert found == pytest.approx(micro_average_precision(judged), rel=1e-12)


def test_an_interval_leaves_a_fortieth_out_at_each_end():
    assert interval(np.append(np.arange(101.0), np.nan)) == (2.5, 97.5)
    assert np.isnan(interval(np.full(3, np.nan))).all()
