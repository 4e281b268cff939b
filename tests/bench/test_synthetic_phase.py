"""A planted phase: what is said of it beforehand holds for every pair there is."""

import json

import numpy as np
import pytest

from iscqk.bench.synthetic_phase import known_micro_ap, random_references, synthesize_phase
from iscqk.cli import main

COUNT, TOTAL, DIMENSION = 200, 1500, 256


@pytest.fixture(scope="module")
def references():
    return np.concatenate(list(random_references(TOTAL, DIMENSION, 3)))


@pytest.fixture(scope="module")
def planted():
    return synthesize_phase(COUNT, random_references(TOTAL, DIMENSION, 3), TOTAL, 3)


def test_no_other_pair_is_as_near_as_the_planted_ones(planted, references):
    cosines = planted.queries.astype(float) @ references.astype(float).T
    near = planted.nearby
    assert cosines[planted.query[near], planted.reference[near]].min() > 0.499
    cosines[planted.query[near], planted.reference[near]] = -1
    assert cosines.max() < 0.45
    lost = cosines[planted.query[~near], planted.reference[~near]]
    np.testing.assert_allclose(lost, -1, atol=1e-6)


def test_kinds_are_planted_in_their_shares(planted):
    assert (planted.true & planted.nearby).sum() == 24
    assert (planted.true & ~planted.nearby).sum() == 16
    assert (~planted.true & planted.nearby).sum() == 40
    assert len(set(planted.query)) == len(set(planted.reference)) == 80


def test_the_micro_ap_is_that_of_all_pairs_sorted(planted, references):
    """Every one of 300,000 pairs, by float64 distance, from the formula."""
    true = np.zeros((COUNT, TOTAL), dtype=bool)
    true[planted.query[planted.true], planted.reference[planted.true]] = True
    squares = [np.square(side.astype(float)).sum(1) for side in (planted.queries, references)]
    products = planted.queries.astype(float) @ references.astype(float).T
    order = np.argsort((squares[0][:, None] + squares[1] - 2 * products).ravel(), kind="stable")
    hits = true.ravel()[order[:-1000]]  # the lost ones are the very last
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    expected = precision[hits].sum() / true.sum()
    assert known_micro_ap(planted) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (
            "--queries 100 --references 1000",
            "500000 of 100000 pairs returns copies that are to be lost",
        ),
        (
            "--queries 500 --references 10000 --dimension 64",
            "in 64 dimensions 1.6e+02 are expected",
        ),
        ("--queries 500 --references 10000 --max-results 159", "does not return all 160 that are"),
    ],
)
def test_sizes_at_which_the_micro_ap_is_not_known_are_refused(tmp_path, capsys, sizes, told):
    assert main(["synthesize-phase", *sizes.split(), "--output", str(tmp_path / "phase")]) == 1
    assert told in capsys.readouterr().err and not list(tmp_path.rglob("*.*"))


def test_the_smallest_sizes_that_are_taken_give_the_micro_ap_that_is_known(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    stages = (
        "synthesize-phase --queries 450 --references 1112 --dimension 122 --output .",
        "merge --queries queries.h5 --references references.h5 --ranking similarity --output s.h5",
        "score s.h5 ground_truth.csv --output score.json",
    )
    assert [main(stage.split()) for stage in stages] == [0, 0, 0]
    expected, score = (
        json.loads((tmp_path / name).read_text()) for name in ("expected.json", "score.json")
    )
    assert score["predictions"] == 500_000 and score["positives"] == expected["positives"] == 90
    assert score["micro_ap"] == pytest.approx(expected["micro_ap"], abs=1e-9)


def test_the_same_seed_plants_the_same(planted):
    again = synthesize_phase(COUNT, random_references(TOTAL, DIMENSION, 3), TOTAL, 3)
    np.testing.assert_array_equal(again.queries, planted.queries)
    other = synthesize_phase(COUNT, random_references(TOTAL, DIMENSION, 3), TOTAL, 4)
    assert not np.array_equal(other.queries, planted.queries)
