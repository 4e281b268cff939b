"""What chance finds, learned from a sample, and which queries that leaves as likely copies."""

import numpy as np
import pytest

from iscqk.matching.basis import LEAST
from iscqk.matching.chance import PROMISED, Chance, flagged, leads, sample_size


def test_a_lead_is_over_the_fifth_picture_where_each_counts_once():
    similarities = np.array([[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]])
    nothing = np.zeros((1, 7, 7), bool)
    np.testing.assert_allclose(
        np.exp(leads(similarities, nothing)[0, :5]), [5, 2.5, 5 / 3, 1.25, 1]
    )
    twice = nothing.copy()
    for one, other in [(0, 1), (2, 3)]:
        twice[0, [one, other], [other, one]] = True
    np.testing.assert_allclose(np.exp(leads(similarities, twice)[0, :2]), [7, 3.5])
    np.testing.assert_allclose(np.exp(leads(similarities, ~nothing)[0, 0]), 7)  # there is but one


@pytest.mark.parametrize("seed", range(5))
def test_flags_are_those_of_benjamini_and_hochberg(seed):
    rng = np.random.default_rng(seed)
    chances = np.concatenate([rng.random(200), 10 ** -rng.uniform(2, 9, 40)])
    rejected = max(k for k in range(241) if k == 0 or np.sort(chances)[k - 1] <= 0.05 * k / 240)
    assert flagged(chances, wrong=0.05, empty=1).sum() == rejected > 10


def test_sets_without_a_copy_get_a_flag_as_rarely_as_is_said():
    rng = np.random.default_rng(0)
    sets = [flagged(rng.random(50), empty=0.02).any() for _ in range(5000)]
    assert 0.012 < np.mean(sets) < 0.028
    assert not flagged(np.empty(0)).any()


def non_copies(rng, count):
    """Draw leads in collections of another density around each image."""
    found = np.sort(rng.normal(0.3, rng.uniform(0.08, 0.12, (count, 1)), (count, 400)), axis=1)
    return np.log((1 - found[:, -5]) / (1 - found[:, -1]))


@pytest.mark.parametrize("copies_in_the_sample", [0, 0.1, 0.4])
@pytest.mark.parametrize("copies", [0, 0.02, 0.5])
def test_what_is_promised_holds_however_few_are_copies(copies_in_the_sample, copies):
    rng = np.random.default_rng(1)
    shares, found = [], 0
    for _ in range(40):
        sample = non_copies(rng, 400)
        some = round(400 * copies_in_the_sample)
        sample[:some] += rng.uniform(0.5, 5, some)
        queries = non_copies(rng, 300)
        true = np.arange(300) < round(300 * copies)
        queries[true] += rng.uniform(0, 5, true.sum())
        likely = flagged(Chance.of_sample(sample).of(queries))
        shares.append((likely & ~true).sum() / max(1, likely.sum()))
        found += (likely & true).sum()
    assert np.mean(shares) <= 1 - PROMISED
    assert found >= 0.4 * 40 * round(300 * copies)


@pytest.mark.parametrize("queries", [1, 10, 100])
def test_a_sample_for_few_queries_promises_as_much(queries):
    rng = np.random.default_rng(3)
    everything = non_copies(rng, 4000)
    size, true = max(LEAST, sample_size(queries)), np.arange(queries) % 2 > 0
    assert size < 400
    empty, right, likely = 0, 0, 0
    for _ in range(400):
        chance = Chance.of_sample(rng.choice(everything, size))
        empty += flagged(chance.of(rng.choice(everything, queries))).any()
        found = flagged(chance.of(rng.choice(everything, queries) + rng.uniform(0, 5) * true))
        right, likely = right + (found & true).sum(), likely + found.sum()
    assert empty < 0.1 * 400 and (queries == 1 or right >= PROMISED * likely > 0)


def test_chances_are_shares_of_the_sample_and_fall_beyond_it():
    sample = non_copies(np.random.default_rng(2), 1000)
    chance = Chance.of_sample(sample)
    middle = chance.of(np.quantile(sample, [0.1, 0.5, 0.8]))
    np.testing.assert_allclose(middle, [0.9, 0.5, 0.2], atol=0.01)
    beyond = chance.of(sample.max() * np.array([1, 2, 3]))
    assert (np.diff(beyond) < 0).all() and 0 < beyond[2] < beyond[1] < 1e-4


def test_a_sample_without_any_difference_calls_nothing_rare():
    chance = Chance.of_sample(np.zeros(200))
    assert (chance.of(np.array([0.0, 0.5])) >= 1 / 201).all()
