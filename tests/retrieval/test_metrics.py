"""The metric against two slow evaluators, written anew from the official ones' rules."""

import logging
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iscqk.errors import UserError
from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.predictions import Predictions
from iscqk.retrieval.metrics import (
    budget,
    counted_queries,
    judge,
    micro_average_precision,
    precision_recall_curve,
    recall_at_precision,
)
from iscqk.retrieval.scores_by_edit import table_by_edit
from iscqk.retrieval.search import global_search


def slow_scores(predictions, truth):
    """Return (micro-AP, R@P90) of [(query, reference, score)]: wrong before right in a tie."""
    ranked = sorted((-score, (q, r) in truth) for q, r, score in predictions)
    average_precision, best_recall, hits = Fraction(0), Fraction(0), 0
    for rank, (_, correct) in enumerate(ranked, start=1):
        recall_before = Fraction(hits, len(truth))
        hits += correct
        precision, recall = Fraction(hits, rank), Fraction(hits, len(truth))
        average_precision += (recall - recall_before) * precision
        if precision >= Fraction(9, 10):
            best_recall = max(best_recall, recall)
    return float(average_precision), float(best_recall)


def nearest(queries, references, count):
    """Return the `count` nearest pairs as (query, reference, -distance), by brute force."""
    pairs = [
        (((query.astype(float) - reference.astype(float)) ** 2).sum(), q, r)
        for q, query in enumerate(queries)
        for r, reference in enumerate(references)
    ]
    return [(q, r, -distance) for distance, q, r in sorted(pairs)[:count]]


def slow_fb(queries, references, rows):
    """Score as FB's evaluator: every query, the best 500,000 pairs, empty references skipped."""
    truth = {(q, r) for q, r in rows if r is not None}
    return slow_scores(nearest(queries, references, 500_000), truth)


def slow_drivendata(queries, references, rows):
    """Score as DrivenData's: the listed queries alone, ten pairs for each."""
    listed = sorted({q for q, _ in rows})
    truth = {(q, r) for q, r in rows if r is not None}
    found = nearest(queries[listed], references, 10 * len(listed))
    return slow_scores([(listed[q], r, score) for q, r, score in found], truth)


def predictions_of(rows):
    return Predictions(
        np.array([QUERY.make(q) for q, _, _ in rows], dtype=np.str_),
        np.array([REFERENCE.make(r) for _, r, _ in rows], dtype=np.str_),
        np.array([score for _, _, score in rows], dtype=np.float64),
    )


def truth_of(rows):
    positive = [(q, r) for q, r in rows if r is not None]
    return GroundTruth(
        np.array([QUERY.make(q) for q, _ in positive], dtype=np.str_),
        np.array([REFERENCE.make(r) for _, r in positive], dtype=np.str_),
        np.array([QUERY.make(q) for q, r in rows if r is None], dtype=np.str_),
    )


def scores(predictions, truth, convention="fb"):
    judged = judge(predictions, truth, convention)
    return micro_average_precision(judged), recall_at_precision(judged)


def search_and_score(queries, references, rows, convention):
    """Score descriptors as the stage does."""
    truth = truth_of(rows)
    ids = np.array([QUERY.make(q) for q in range(len(queries))])
    counted = np.flatnonzero(counted_queries(ids, truth, convention))
    found = global_search(queries[counted], references, budget(truth, convention))
    pairs = zip(counted[found.query_index], found.reference_index, strict=True)
    rows = [(q, r, -d) for (q, r), d in zip(pairs, found.squared_distance, strict=True)]
    return scores(predictions_of(rows), truth, convention)


def challenge(quantised):
    """Return 40 queries, 60 references: half of the queries copies, edited more and more."""
    random = np.random.default_rng(3)
    references = random.normal(size=(60, 8))
    queries = random.normal(size=(40, 8)) * 0.9
    noise = random.normal(size=(20, 8)) * np.linspace(0.1, 1.2, 20)[:, None]
    queries[::2] = references[:20] + noise
    if quantised:  # many pairs at exactly one distance
        queries, references = np.round(queries), np.round(references)
    rows = [(q, q // 2 if q % 2 == 0 else None) for q in range(40)]
    return queries.astype(np.float32), references.astype(np.float32), rows


@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize("rows_kept", ["all", "positives only", "half of the queries"])
def test_each_convention_agrees_with_its_evaluator(quantised, rows_kept):
    queries, references, rows = challenge(quantised)
    if rows_kept == "positives only":
        rows = [row for row in rows if row[1] is not None]
    if rows_kept == "half of the queries":
        rows = rows[:20]
    for convention, slow in (("fb", slow_fb), ("drivendata", slow_drivendata)):
        ours = search_and_score(queries, references, rows, convention)
        assert ours == pytest.approx(slow(queries, references, rows), abs=1e-9)
        assert 0 < ours[0] < 1


def test_the_conventions_differ_as_the_evaluators_do(caplog):
    queries, references, rows = challenge(quantised=False)
    positives = [row for row in rows if row[1] is not None]
    fb = search_and_score(queries, references, rows, "fb")
    assert search_and_score(queries, references, positives, "fb") == fb
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        inflated = search_and_score(queries, references, positives, "drivendata")
    assert inflated[0] > search_and_score(queries, references, rows, "drivendata")[0]
    assert "lists no distractors" in caplog.text


@settings(max_examples=300)
@given(st.data())
def test_any_list_of_predictions(data):
    pairs = st.tuples(st.integers(0, 6), st.integers(0, 4))
    rows = data.draw(st.dictionaries(pairs, st.integers(0, 4) | st.floats(-2, 2)))
    truth = data.draw(st.sets(pairs, min_size=1))
    others = data.draw(st.sets(st.integers(0, 9))) - {q for q, _ in truth}
    listed = {q for q, _ in truth} | others
    all_rows = [(q, r, score) for (q, r), score in rows.items()]
    listed_rows = [row for row in all_rows if row[0] in listed]
    ours = predictions_of(all_rows)
    truth_rows = truth_of([*sorted(truth), *((q, None) for q in others)])
    assert scores(ours, truth_rows) == pytest.approx(slow_scores(all_rows, truth), abs=1e-12)
    assert scores(ours, truth_rows, "drivendata") == pytest.approx(
        slow_scores(listed_rows, truth), abs=1e-12
    )


def test_hand_computed_numbers():
    """Right, wrong, right of four true pairs: 1/4 * 1 + 1/4 * 2/3."""
    truth = truth_of([(0, 0), (1, 1), (2, 2), (3, 3)])
    rows = [(0, 0, 0.9), (0, 1, 0.8), (1, 1, 0.7)]
    assert scores(predictions_of(rows), truth) == pytest.approx((5 / 12, 1 / 4), abs=1e-15)


def test_a_tie_never_flatters():
    truth = truth_of([(0, 0)])
    for rows in ([(0, 0, 1), (0, 1, 1)], [(0, 1, 1), (0, 0, 1)]):
        assert scores(predictions_of(rows), truth) == (0.5, 0.0)


def test_of_equal_scores_wrong_ones_are_the_best_that_are_kept():
    rows = [(0, 0, 1), (0, 1, 1), (0, 2, 2), (0, 3, 0)]
    kept = judge(predictions_of(rows), truth_of([(0, 0)])).best(2)
    assert kept.scores.tolist() == [2, 1] and not kept.correct.any() and kept.positives == 1


def test_precision_of_exactly_nine_tenths_counts():
    truth = truth_of([(q, 0) for q in range(12)])
    rows = [(q, 0, -q) for q in range(9)] + [(20, 0, -9)]
    assert scores(predictions_of(rows), truth)[1] == 9 / 12


def test_precision_may_recover_after_a_bad_start():
    truth = truth_of([(q, 0) for q in range(20)])
    rows = [(50, 0, 1)] + [(q, 0, -q) for q in range(20)]
    assert scores(predictions_of(rows), truth)[1] == 1.0


def test_no_prediction_scores_nothing():
    assert scores(predictions_of([]), truth_of([(0, 0)])) == (0.0, 0.0)


def test_distractors_found_cost_precision_whether_listed_or_not():
    rows = predictions_of([(7, 0, 2), (0, 0, 1)])
    for truth in (truth_of([(0, 0)]), truth_of([(0, 0), (7, None)])):
        assert scores(rows, truth)[0] == 0.5
    assert scores(rows, truth_of([(0, 0)]), "drivendata")[0] == 1.0
    assert scores(rows, truth_of([(0, 0), (7, None)]), "drivendata")[0] == 0.5


def test_duplicates_are_refused_in_both_conventions():
    with pytest.raises(UserError, match="row 3 .*the pair is there twice"):
        predictions_of([(0, 0, 1), (1, 0, 1), (0, 0, 0.5)])


def test_a_truth_without_a_pair_and_an_unknown_convention_are_refused():
    with pytest.raises(UserError, match="no true pair"):
        scores(predictions_of([(0, 0, 1)]), truth_of([(0, None)]))
    with pytest.raises(UserError, match="choose fb or drivendata"):
        scores(predictions_of([(0, 0, 1)]), truth_of([(0, 0)]), "isc")


def test_the_budgets_are_the_evaluators():
    truth = truth_of([(q, q if q < 5 else None) for q in range(25)])
    assert (budget(truth, "fb"), budget(truth, "drivendata")) == (500_000, 250)


def test_the_curve_has_the_score_in_it():
    queries, references, rows = challenge(quantised=True)
    truth = truth_of(rows)
    judged = judge(predictions_of(nearest(queries, references, 700)), truth)
    curve = precision_recall_curve(judged)
    area = curve["precision"].mean() * curve["recall"].iloc[-1]
    assert area == pytest.approx(micro_average_precision(judged), abs=1e-12)
    assert curve["recall"].is_monotonic_increasing
    assert curve["score"].is_monotonic_decreasing
    np.testing.assert_allclose(curve["precision"] * curve["rank"], np.arange(1, len(curve) + 1))


def test_the_table_by_edit_follows_its_definition():
    queries, references, rows = challenge(quantised=True)
    predictions = nearest(queries, references, 700)
    groups = {"blur": [0, 2, 4, 6, 1], "crop": [6, 8], "rotate": [1, 3], "warp": [38]}
    edits = {name: np.array([QUERY.make(q) for q in members]) for name, members in groups.items()}
    truth = truth_of(rows)
    table = table_by_edit(judge(predictions_of(predictions), truth), truth, edits)
    assert table["edit"].tolist() == ["blur", "crop", "warp"]  # nothing true was rotated
    positives = dict(row for row in rows if row[1] is not None)
    for line in table.itertuples():
        own = set(groups[line.edit]) & set(positives)
        kept = [row for row in predictions if row[0] in own or row[0] not in positives]
        expected = slow_scores(kept, {(q, positives[q]) for q in own})
        assert (line.micro_ap, line.recall_at_p90) == pytest.approx(expected, abs=1e-12)
        assert (line.queries, line.positives) == (len(own), len(own))
        assert line.found == sum(row[1] == positives.get(row[0]) for row in kept)
        firsts = [
            min((row for row in kept if row[0] == q), default=None,
                key=lambda row: (-row[2], row[1] == positives[row[0]]))
            for q in own
        ]  # fmt: skip
        hits = sum(row is not None and row[1] == positives[row[0]] for row in firsts)
        assert line.recall_at_1 == pytest.approx(hits / len(own))


def test_a_tie_never_flatters_an_edit():
    truth, edits = truth_of([(0, 0)]), {"blur": np.array(["Q00000"])}
    for rows in ([(0, 0, 1), (0, 1, 1)], [(0, 1, 1), (0, 0, 1)]):
        table = table_by_edit(judge(predictions_of(rows), truth), truth, edits)
        assert table["recall_at_1"].tolist() == [0]


def test_half_a_million_predictions_are_scored():
    random = np.random.default_rng(0)
    count = 500_000
    queries, references = np.divmod(random.choice(10**9, count, replace=False), 10**5)
    rows = Predictions(
        np.char.add("Q", np.char.zfill(queries.astype(np.str_), 5)),
        np.char.add("R", np.char.zfill(references.astype(np.str_), 6)),
        np.round(random.normal(size=count), 3),
    )
    truth = truth_of(list(zip(queries[:999].tolist(), references[:999].tolist(), strict=True)))
    assert 0 < scores(rows, truth)[0] < 1
