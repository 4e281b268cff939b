"""Groups of copies: whole, disjoint, and without chains."""

import numpy as np
import pytest

from iscqk.formats.described_images import DescribedImages, File
from iscqk.matching.basis import Basis
from iscqk.matching.chance import Chance
from iscqk.matching.collection import NOTHING, Collection, Part, Source
from iscqk.matching.groups import star_groups
from iscqk.matching.judged_pairs import JudgedPairs
from iscqk.matching.likely_copies import LikelyCopies
from iscqk.matching.linked import LinkedImages
from unit_rows import unit

BASIS = Basis(40, np.empty(0), Chance.of_sample(np.arange(500) / 100), 0.75)


def grouped(near, links=None):
    """Group images by a symmetric matrix of which are alike."""
    near = np.array(near, bool)
    links = links or [tuple(pair) for pair in np.argwhere(np.triu(near, 1)).tolist()]
    return star_groups(links, lambda _: lambda centre, others: near[centre, others])


def alike(count, *pairs):
    near = np.eye(count, dtype=bool)
    for one, other in pairs:
        near[one, other] = near[other, one] = True
    return near


def test_pairs_and_triangles():
    assert grouped(alike(6, (0, 3), (1, 2), (2, 4), (1, 4))) == [[0, 3], [1, 2, 4]]
    assert star_groups([], lambda _: None) == []


def test_a_chain_is_no_group():
    """Of a-b-c-d-e each is like its neighbours only."""
    found = grouped(alike(5, (0, 1), (1, 2), (2, 3), (3, 4)))
    assert found == [[1, 0, 2], [3, 4]]


def test_two_sets_that_one_pair_joins_stay_two():
    near = alike(8, (3, 4))
    near[:4, :4] = near[4:, 4:] = True
    assert sorted(map(sorted, grouped(near))) in (
        [[0, 1, 2, 3, 4], [5, 6, 7]],
        [[0, 1, 2], [3, 4, 5, 6, 7]],
    )


@pytest.mark.parametrize(
    ("needed", "are_copies"), [([0.99, 0.5], 1), ([0.5, 0.99], 1), ([0.99, 0.99], 0)]
)
def test_one_of_two_images_has_to_find_the_other(needed, are_copies):
    """Which is the centre of a group is chance."""
    # Four in a row, 3 0 2 1, of which 0 becomes the centre: 1 is the second from it, at 0.8.
    angles = np.arccos(0.8) / 2 * np.array([0, 2, 1, -1])
    images = collection(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))
    found = found_of(np.array([*needed, 0.94, 0.94]), [(2, 0), (3, 0), (2, 1)])
    (group,) = LikelyCopies(images, images, np.arange(4), found, BASIS, 1).groups()
    assert [row for row, *_ in group] == ([0, 1, 2, 3] if are_copies else [0, 2, 3])


def collection(vectors):
    """Return images that have these descriptors and are not there."""
    files = [File(f"/nowhere/{number}", 0, 0, 0, 0) for number in range(len(vectors))]
    facts = [""] * len(files), np.zeros(len(files), np.bool_), vectors, "references", "e"
    return Collection([Source([Part.of(DescribedImages(files, *facts))])])


def found_of(needed, likely):
    """Return what a search has found: likely pairs, query first, and what each query needs (q,)."""
    query, reference = np.array(likely).T
    of_pairs, of_queries = np.zeros(len(query)), np.zeros(len(needed))
    return JudgedPairs(
        query,
        reference,
        rank=np.ones_like(query),
        similarity=of_pairs,
        chance=of_pairs,
        lead=of_pairs,
        level=of_queries,
        nearest=of_queries,
        first_lead=np.log(1 - needed),  # from there to a lead of 0, as that of the likely pairs
        first_chance=of_queries,
        is_flat=of_queries.astype(np.bool_),
    )


def test_a_group_is_whole_where_links_name_some_of_its_pairs():
    near = np.ones((50, 50), bool)
    ring = [(number, (number + 1) % 50) for number in range(50)]
    assert grouped(near, ring) == [list(range(50))]


def test_no_image_is_in_two_groups():
    rng = np.random.default_rng(0)
    for _ in range(50):
        near = rng.random((12, 12)) < 0.2
        found = grouped(near | near.T | np.eye(12, dtype=bool))
        members = [number for group in found for number in group]
        assert len(members) == len(set(members)) and all(len(group) > 1 for group in found)
        for centre, *others in found:
            assert (near | near.T)[centre, others].all()


def walk(count, turns):
    """Return a chain of images as queries (n, turns, d) and references (n, d), and what they need.

    Of each image the query needs what leads to the next one, to the last bit.
    """
    rng = np.random.default_rng(count)
    references = unit(np.cumsum(rng.normal(size=(count, 32)), 0))
    queries = unit(references[:, None] + 1e-3 * rng.normal(size=(count, turns, 32)))
    queries = references[:, None] if turns == 1 else queries
    return queries, references, one_by_one(queries, np.roll(references, -1, 0))


def one_by_one(queries, references):
    """Return similarities (n,) of n queries to n references, each measured by itself."""
    return np.array(
        [
            max(1 - np.square(turned.astype(float) - row).sum() / 2 for turned in query)
            for query, row in zip(queries, references, strict=True)
        ]
    )


@pytest.mark.parametrize("turns", [1, 3])
def test_of_many_linked_images_hardly_more_are_measured_than_are_copies(turns):
    queries, references, needed = walk(300, turns)
    needed[7] = np.inf  # of an image that is no query
    images = LinkedImages(queries, references, needed, turns == 1)
    for centre in (0, 7, 150):
        as_query = one_by_one(np.repeat(queries[[centre]], 300, 0), references) >= needed[centre]
        as_reference = one_by_one(queries, np.repeat(references[[centre]], 300, 0)) >= needed
        near, found = as_query | as_reference, images.can_be_copies(centre)
        assert near.sum() >= 1 and not (near & ~found).any() and found.sum() <= near.sum() + 2


@pytest.mark.parametrize("turns", [1, 3])
def test_similarities_are_the_same_to_the_last_bit_however_many_are_measured_at_once(turns):
    queries, references, _ = walk(40, turns)
    known = collection(references)
    asked = known if turns == 1 else collection(queries.reshape(40, -1))
    star = [(3, other) for other in range(4, 40)]
    found = found_of(np.full(40, -1.5), [*star, *(pair[::-1] for pair in star)])

    def measured(are_queries):
        """Return similarities to the centre, the larger of both ways where both are queries."""
        rows = np.where(are_queries, np.arange(40), NOTHING)
        (group,) = LikelyCopies(asked, known, rows, found, BASIS, turns).groups()
        assert [row for row, *_ in group] == [*range(3, 40)]
        return np.array([similarity for _, similarity, _ in group[1:]])

    as_query = one_by_one(np.repeat(queries[[3]], 36, 0), references[4:])
    as_reference = one_by_one(queries[4:], np.repeat(references[[3]], 36, 0))
    assert (measured(np.ones(40, np.bool_)) == np.maximum(as_query, as_reference)).all()
    if turns == 1:  # as which both ways are the same
        assert (as_query == as_reference).all()
    else:
        assert (measured(np.arange(40) == 3) == as_query).all()
        assert (measured(np.arange(40) != 3) == as_reference).all()
