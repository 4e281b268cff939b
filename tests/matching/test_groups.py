"""Groups of copies: whole, disjoint, and without chains."""

import numpy as np

from iscqk.matching.groups import star_groups


def grouped(near, links=None):
    """Group images by a symmetric matrix of which are alike."""
    near = np.array(near, bool)
    links = links or [tuple(pair) for pair in np.argwhere(np.triu(near, 1)).tolist()]
    return star_groups(links, lambda centre, others: near[centre, list(others)].tolist())


def alike(count, *pairs):
    near = np.eye(count, dtype=bool)
    for one, other in pairs:
        near[one, other] = near[other, one] = True
    return near


def test_pairs_and_triangles():
    assert grouped(alike(6, (0, 3), (1, 2), (2, 4), (1, 4))) == [[0, 3], [1, 2, 4]]
    assert star_groups([], lambda *_: []) == []


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
