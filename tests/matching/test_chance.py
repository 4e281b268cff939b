"""What chance finds, learned from a sample, and which queries that leaves as likely copies."""

import numpy as np
import pytest

from iscqk.matching.basis import LEAST
from iscqk.matching.chance import PROMISED, Chance, flagged, needed, sample_size
from iscqk.matching.neighbourhoods import Further, Neighbourhoods
from unit_rows import unit


def leads_of(pictures):
    """Return e to the leads of an image whose references are these pictures, by number."""
    similarities = 0.9 - 0.1 * np.arange(len(pictures))[None]
    rows = np.arange(len(pictures))[None]
    near = Neighbourhoods(rows, similarities, np.zeros(1), np.empty((1, 0)))
    return np.exp(near.leads(np.eye(len(pictures))[pictures], 0.99)[0])


def test_a_lead_is_over_the_fifth_picture_where_each_counts_once():
    np.testing.assert_allclose(leads_of([0, 1, 2, 3, 4, 5, 6])[:5], [5, 2.5, 5 / 3, 1.25, 1])
    np.testing.assert_allclose(leads_of([0, 0, 1, 1, 2, 3, 4])[:2], [7, 3.5])
    np.testing.assert_allclose(leads_of([0, 0, 0, 0, 0, 0, 0])[0], 7)  # there is but one


@pytest.mark.parametrize(
    ("kinds", "fifth"),
    [([0.8, 0.7, 0.6, 0.5, 0.4], 0.5), ([0.8, 0.7], 0.3), ([0.8, 0.05], 0.2), ([], 0.2)],
)
def test_drawn_kinds_are_pictures_beside_the_references(kinds, fifth):
    """Also where all of these are fewer than five: then the last stands for it."""
    similarities = np.array([[0.9, 0.4, 0.3, 0.2]])
    near = Neighbourhoods(np.arange(4)[None], similarities, np.zeros(1), np.array([kinds]))
    lead = near.leads(np.eye(4), 0.99)[0, 0]
    np.testing.assert_allclose(lead, np.log((1 - fifth) / 0.1))


def apart(*similarities):
    """Return e to the leads of files of a picture, 0 of what is none."""
    near = Neighbourhoods(
        np.arange(len(similarities))[None], np.array([similarities]), np.zeros(1), np.empty((1, 0))
    )
    return np.exp(near.leads_apart(0.9)[0])


def test_files_of_a_picture_stand_apart_from_all_others_or_are_of_a_kind():
    files = [0.99, *[0.95] * 13]
    np.testing.assert_allclose(apart(*files, 0.5, 0.4), [50, *[10] * 13, 0, 0])
    assert not apart(*files, 0.95, 0.95, 0.5).any()  # more than a picture has
    assert not apart(*files, 0.87, 0.5).any()  # others begin where these end
    assert not apart(*files).any()  # nobody knows where they do


def by_the_matrix(similarities, cosines, same):
    """Return leads as they are defined; of more than five files that are alike each counts."""
    counted, least = [], [0.995 if (row >= same).sum() > 5 else same for row in cosines]
    for rank in range(len(similarities)):
        if not any(cosines[rank, other] >= least[other] for other in counted):
            counted.append(rank)
    fifth = counted[4] if len(counted) > 4 else len(similarities) - 1
    return np.log((1 - similarities[fifth]) / (1 - similarities))


@pytest.mark.parametrize("kinds", [3, 5, 8, 30])
def test_leads_are_those_of_the_definition(kinds):
    rng = np.random.default_rng(kinds)
    centres = rng.normal(size=(kinds, 12))
    vectors = unit(centres[rng.integers(kinds, size=400)] + 0.2 * rng.normal(size=(400, 12)))
    rows = np.array([rng.permutation(400)[:32] for _ in range(50)])
    near = Neighbourhoods(
        rows, np.sort(rng.uniform(0, 1, rows.shape))[:, ::-1], np.zeros(50), np.empty((50, 0))
    )
    found = near.leads(vectors, 0.9)
    for row, similarities, lead in zip(rows, near.similarities, found, strict=True):
        expected = by_the_matrix(similarities, vectors[row] @ vectors[row].T, 0.9)
        np.testing.assert_allclose(lead, expected, atol=1e-12)


def test_where_all_that_are_listed_are_fewer_pictures_more_are_looked_at():
    """However many references are the same picture; and no further than there are any."""
    every, asked = np.repeat([0, 1, 2, 3, 4, 5], [700, 1, 1, 1, 1, 1]), []
    vectors, similarities = np.eye(6)[every], 1 - 1e-3 * (1 + np.arange(705))

    def look(rows, count):
        asked.append(count)
        return Neighbourhoods(
            np.arange(705)[None, :count], similarities[None, :count], np.zeros(1), np.empty((1, 0))
        )

    further = Further(np.ones((1, 2), np.float32), look)
    lead = look([0], 32).leads(vectors, 0.99, further)[0, 0]
    np.testing.assert_allclose(lead, np.log(704))
    assert asked == [32, 128, 512, 2048]
    vectors = np.eye(6)[np.minimum(every, 3)]  # there are but four
    np.testing.assert_allclose(look([0], 32).leads(vectors, 0.99, further)[0, 0], np.log(705))


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
    assert empty < 0.04 * 400 and (queries == 1 or right >= PROMISED * likely > 0)


@pytest.mark.parametrize("queries", [10, 100, 1000])
def test_what_the_tail_is_not_known_by_makes_no_flag(queries):
    """A rate from 12 to 50 leads would else be taken for the true one."""
    rng = np.random.default_rng(4)
    size, empty = min(max(LEAST, sample_size(queries)), 500), 0
    for _ in range(1000):
        sample, found = (-np.log(1 - rng.random(n) ** 0.25) for n in (size, queries))
        empty += flagged(Chance.of_sample(sample).of(found)).any()
    assert empty < 0.025 * 1000


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


def test_one_lead_that_is_there_often_hides_nothing():
    sample = non_copies(np.random.default_rng(2), 160)
    often = Chance.of_sample(np.append(sample, np.full(25, sample.max())))
    far = np.array([3 * sample.max()])
    np.testing.assert_allclose(often.of(far), Chance.of_sample(sample).of(far))
    assert often.of(far) < 1e-4


def test_many_small_chances_tell_of_copies_where_no_single_one_does():
    """As by a model that tells all copies apart a little: not one would be flagged by itself."""
    chances = np.concatenate([np.linspace(0.0003, 0.002, 12), np.linspace(0.05, 1, 88)])
    assert not flagged(np.append(chances[:1], chances[12:])).any()  # one among many
    assert flagged(chances).tolist() == [True] * 12 + [False] * 88


def test_one_more_query_is_flagged_up_to_the_chance_that_is_told():
    rng = np.random.default_rng(7)
    for few in (0, 1, 5, 40):
        chances = np.concatenate([rng.uniform(0, 1e-4, few), rng.uniform(0.5, 1, 100 - few)])
        at_most = needed(chances)
        for factor, expected in ((0.999, True), (1.001, False)):
            assert flagged(np.append(chances[:-1], factor * at_most))[-1] == expected
    assert needed(np.array([0.5])) == needed(np.array([1e-9])) == 0.02  # alone
