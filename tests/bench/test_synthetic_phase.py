"""A planted phase: what is said of it beforehand holds for every pair there is."""

import numpy as np
import pytest

from iscqk.bench.synthetic_phase import known_micro_ap, random_references, synthesize_phase

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


def test_the_same_seed_plants_the_same(planted):
    again = synthesize_phase(COUNT, random_references(TOTAL, DIMENSION, 3), TOTAL, 3)
    np.testing.assert_array_equal(again.queries, planted.queries)
    other = synthesize_phase(COUNT, random_references(TOTAL, DIMENSION, 3), TOTAL, 4)
    assert not np.array_equal(other.queries, planted.queries)
