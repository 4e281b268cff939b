"""The search against measuring every pair in float64 and sorting, and against faiss."""

from unittest import mock

import faiss
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iscqk.errors import UserError
from iscqk.formats.hdf5 import read_vectors
from iscqk.models import torch_internals
from iscqk.retrieval import cpu_integer_screen, nearest, screening, search
from iscqk.retrieval.nearest import nearest_of_each
from iscqk.retrieval.search import global_search


def brute_force(queries, references, max_results):
    """Measure all pairs, sort by (distance, query, reference), keep the first."""
    difference = queries.astype(np.float64)[:, None] - references.astype(np.float64)[None]
    distances = (difference**2).sum(axis=2)
    rows, columns = np.indices(distances.shape)
    order = np.lexsort((columns.ravel(), rows.ravel(), distances.ravel()))[:max_results]
    return rows.ravel()[order], columns.ravel()[order], distances.ravel()[order]


def searched_by_blocks(query_block, reference_block, *given):
    with mock.patch.multiple(search, _QUERY_BLOCK=query_block, _REFERENCE_BLOCK=reference_block):
        return global_search(*given)


def assert_exact(queries, references, max_results, query_block, reference_block, threads=1):
    given = (queries, references, max_results, threads)
    found = searched_by_blocks(query_block, reference_block, *given)
    for name, expected in zip(
        found._fields, brute_force(queries, references, max_results), strict=True
    ):
        np.testing.assert_array_equal(getattr(found, name), expected, err_msg=name)


def normal(rows, dimension, seed):
    return np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)


def near_ties(rows, seed):
    """Vectors that differ in their last bits, as copies of one image do."""
    steps = np.random.default_rng(seed).integers(-2, 3, size=(rows, 32)).astype(np.float32)
    return normal(1, 32, 9) * (1 + steps * np.float32(2**-23))


SETS = {
    "ordinary": (normal(90, 48, 0), normal(210, 48, 1)),
    "quantised": (np.round(normal(90, 3, 0)), np.round(normal(210, 3, 1))),
    "all equal": (np.ones((90, 8), np.float32), np.ones((210, 8), np.float32)),
    "near ties": (near_ties(90, 2), near_ties(210, 3)),
    "far from zero": (normal(90, 16, 0) + 3e4, normal(210, 16, 1) + 3e4),
    "over float32's squares": (normal(90, 16, 0) * 1e25, normal(210, 16, 1) * 1e25),
    "under float32's squares": (normal(90, 48, 0) * 2e-23, normal(210, 48, 1) * 2e-23),
    "denormal": (normal(90, 48, 0) * 1e-39, normal(210, 48, 1) * 1e-39),
    "denormal beside ordinary": (normal(90, 8, 0) * 1e-39, normal(210, 8, 1)),
    "norms of all sizes": tuple(
        normal(rows, 16, rows) * np.logspace(-22, 22, rows, dtype=np.float32)[:, None]
        for rows in (90, 210)
    ),
    "zeros": (normal(90, 4, 0) * 0, normal(210, 4, 1) * (np.arange(210) % 2)[:, None]),
}
SETS = {name: tuple(np.float32(side) for side in sides) for name, sides in SETS.items()}


# Elsewhere products of integers need not be exact.
needs_vnni = pytest.mark.skipif(
    not screening.integers_are_fast(), reason="this processor has no products of 8-bit integers"
)
WITH_AND_WITHOUT = [False, pytest.param(True, marks=needs_vnni)]


@pytest.fixture(params=WITH_AND_WITHOUT, ids=["without integers", "with integers"])
def integers(request, monkeypatch):
    """Screen with and without products of integers."""
    monkeypatch.setattr(screening, "integers_are_fast", lambda: request.param)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("max_results", [1, 7, 500, 5000, 18_900, 100_000])
@pytest.mark.usefixtures("integers")
def test_it_is_the_brute_force_result_to_the_last_bit(name, max_results):
    assert_exact(*SETS[name], max_results, query_block=32, reference_block=64)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("max_results", "size"), [(300, 16), (40, 16), (40, 70), (1, 70)])
def test_the_float32_screen_alone_loses_nothing(name, max_results, size, monkeypatch):
    monkeypatch.setattr(screening, "integers_are_fast", lambda: False)
    monkeypatch.setattr(screening, "_CROWDED", 2.0)
    assert_exact(*SETS[name], max_results, query_block=size, reference_block=size)


@needs_vnni
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(
    ("max_results", "size", "together"),
    [(300, 16, 64), (300, 16, 4), (40, 16, 16), (40, 70, 64), (40, 70, 7), (1, 70, 2)],
)
def test_the_integer_screen_loses_nothing(name, max_results, size, together, monkeypatch):
    monkeypatch.setattr(cpu_integer_screen, "_CROWDED", 2.0)
    monkeypatch.setattr(cpu_integer_screen, "_TOGETHER", together)
    assert_exact(*SETS[name], max_results, query_block=size, reference_block=size)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("options", [
    {"query_block": 1, "reference_block": 70},
    {"query_block": 90, "reference_block": 9},
    {"query_block": 13, "reference_block": 17, "threads": 3},
    {"query_block": 1000, "reference_block": 1000, "threads": 2},
])  # fmt: skip
def test_blocks_and_threads_do_not_change_the_result(name, options):
    assert_exact(*SETS[name], 1234, **options)


@pytest.mark.parametrize("fast", WITH_AND_WITHOUT)
@settings(max_examples=150)
@given(st.data())
def test_any_small_set(fast, data):
    dimension = data.draw(st.integers(1, 9))
    numbers = data.draw(st.sampled_from([
        st.integers(-2, 2).map(float), st.floats(width=32, allow_nan=False, allow_infinity=False)
    ]))  # fmt: skip
    sides = []
    for most in (8, 12):
        rows = data.draw(st.lists(st.lists(numbers, min_size=dimension, max_size=dimension),
                                  max_size=most))  # fmt: skip
        sides.append(np.array(rows, dtype=np.float32).reshape(len(rows), dimension))
    sizes = st.integers(1, 13)
    with mock.patch.object(screening, "integers_are_fast", lambda: fast):
        assert_exact(
            *sides,
            data.draw(st.integers(1, 100)),
            query_block=data.draw(sizes),
            reference_block=data.draw(sizes),
        )


def test_faiss_finds_the_same_pairs():
    queries, references = normal(200, 64, 0), normal(900, 64, 1)
    found = searched_by_blocks(64, 128, queries, references, 2000)
    index = faiss.IndexFlatL2(64)
    index.add(references)
    # between the last pair and the next there is a gap that float32 can tell
    following = global_search(queries, references, 2001).squared_distance[-1]
    radius = (found.squared_distance[-1] + following) / 2
    limits, _, near = index.range_search(queries, radius)
    rows = np.repeat(np.arange(200), np.diff(limits.astype(np.int64)))
    assert set(zip(rows.tolist(), near.tolist(), strict=True)) == set(
        zip(found.query_index.tolist(), found.reference_index.tolist(), strict=True)
    )
    distances, nearest = index.search(queries, 900)
    order = np.argsort(distances.ravel(), kind="stable")[:2000]
    np.testing.assert_allclose(distances.ravel()[order], found.squared_distance, rtol=1e-4)
    assert (order[0] // 900, nearest.ravel()[order[0]]) == (found[0][0], found[1][0])


def test_a_query_may_have_all_the_places():
    queries = np.array([[0.0], [100.0]], dtype=np.float32)
    references = np.arange(6, dtype=np.float32)[:, None]
    found = global_search(queries, references, 4)
    assert found.query_index.tolist() == [0, 0, 0, 0]
    assert found.reference_index.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("rows", "others"), [(0, 5), (5, 0), (0, 0)])
def test_an_empty_side_gives_no_pair(rows, others):
    assert [len(part) for part in global_search(normal(rows, 4, 0), normal(others, 4, 1), 3)] == [
        0, 0, 0,
    ]  # fmt: skip


def test_of_pairs_as_far_as_the_last_only_those_before_it_are_kept_in_mind():
    """Else all pairs of a file of equal descriptors would be sorted again and again."""
    nearest = search._Nearest(3, references=8)
    equal = np.ones((4, 5), np.float32)
    queries = [screening.Block.of_queries(start, equal) for start in (0, 4)]
    references = [screening.Block.of_references(start, equal) for start in (0, 4)]
    nearest.add(*nearest.among(queries[0], references[1]))
    assert not len(nearest.among(queries[1], references[0])[0])
    _, keys = nearest.among(queries[0], references[0])
    assert keys.tolist() == [0, 1, 2, 3]
    nearest.add(np.zeros(4), keys)
    assert nearest.ordered().reference_index.tolist() == [0, 1, 2]


def test_references_are_streamed_from_hdf5(tmp_path):
    queries, references = SETS["ordinary"]
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file["reference"] = references
        rows = read_vectors(file, "reference")
        found = searched_by_blocks(2048, 50, queries, rows, 99)
    np.testing.assert_array_equal(found.squared_distance, brute_force(queries, references, 99)[2])


def test_a_reference_block_is_asked_for_once():
    class Counted:
        def __init__(self, vectors):
            self.vectors, self.shape, self.reads = vectors, vectors.shape, []

        def __getitem__(self, rows):
            self.reads.append((rows.start, rows.stop))
            return self.vectors[rows]

    references = Counted(normal(25, 4, 0))
    searched_by_blocks(7, 10, normal(30, 4, 1), references, 5)
    assert references.reads == [(0, 10), (10, 20), (20, 30)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused_by_row(value):
    queries, references = (side.copy() for side in SETS["ordinary"])
    references[77, 3] = value
    with pytest.raises(UserError, match="reference row 77 holds NaN"):
        searched_by_blocks(2048, 10, queries, references, 5)
    queries[2] = value
    with pytest.raises(UserError, match="query row 2 holds NaN"):
        global_search(queries, references, 5)


@pytest.mark.parametrize(
    ("dimension", "max_results", "threads", "complaint"),
    [(3, 1, 1, "4 and 3 dimensions"), (4, 0, 1, "0 results"), (4, 1, 0, "0 threads")],
)
def test_senseless_requests_are_refused(dimension, max_results, threads, complaint):
    with pytest.raises(UserError, match=complaint):
        global_search(normal(2, 4, 0), normal(2, dimension, 1), max_results, threads)


@pytest.mark.parametrize(
    ("fast", "most"), [(False, 1010), pytest.param(True, 1200, marks=needs_vnni)]
)
def test_the_screen_spares_nearly_all_measuring(fast, most, monkeypatch):
    monkeypatch.setattr(screening, "integers_are_fast", lambda: fast)
    queries, references = normal(512, 64, 0), normal(2048, 64, 1)
    cut = global_search(queries, references, 1000).squared_distance[-1]
    rows, _ = screening.pairs_within(
        screening.Block.of_queries(0, queries),
        screening.Block.of_references(0, references),
        cut,
        limit=10_000,
    )
    assert 1000 <= len(rows) <= most


@pytest.mark.filterwarnings("error")
def test_a_cut_beyond_float32_lets_everything_pass():
    queries = np.array([[1e30], [0.0]], dtype=np.float32)
    references = np.array([[-1e30], [1.0], [2.0]], dtype=np.float32)
    assert_exact(queries, references, 3, query_block=1, reference_block=1)


@given(st.data())
def test_narrowing_keeps_whatever_may_be_among_the_nearest(data):
    size = data.draw(st.integers(1, 12))
    limit = data.draw(st.integers(1, size))
    numbers = st.lists(st.integers(0, 6), min_size=size, max_size=size)
    middle, radius, part = (np.array(data.draw(numbers), dtype=float) for _ in range(3))
    distances = middle + radius * (part / 3 - 1)  # anywhere in middle +- radius
    kept = screening._certain_limit(middle, radius, limit)
    nearest = np.flatnonzero(distances <= np.sort(distances)[limit - 1])
    assert set(nearest) <= set(kept)


@pytest.mark.parametrize("fast", [False, pytest.param(True, marks=needs_vnni)])
@pytest.mark.parametrize("threads", [1, 3])
def test_nearest_of_each_is_a_sort_of_every_distance(threads, fast, monkeypatch):
    monkeypatch.setattr(screening, "integers_are_fast", lambda: fast)
    monkeypatch.setattr(nearest, "_AT_ONCE", 8)
    monkeypatch.setattr(nearest, "_REFERENCE_BLOCK", 700)
    random = np.random.default_rng(5)
    references = random.normal(size=(5000, 8)).astype(np.float32)
    references[4000:] = references[:1000]  # equal distances rank by reference
    queries = np.concatenate([random.normal(size=(9, 8)), references[:3]]).astype(np.float32)
    found = nearest_of_each(queries, references, 4, threads)
    every = ((queries[:, None].astype(np.float64) - references) ** 2).sum(-1)
    order = np.argsort(every, axis=1, kind="stable")[:, :4]
    assert found.query_index.tolist() == np.repeat(np.arange(12), 4).tolist()
    assert found.reference_index.tolist() == order.ravel().tolist()
    expected = np.take_along_axis(every, order, 1).ravel()
    np.testing.assert_allclose(found.squared_distance, expected, rtol=1e-12)


@pytest.mark.parametrize("dimension", [1, 2, 3, 255])
def test_products_of_integers_are_exact(dimension):
    rng = np.random.default_rng(dimension)
    rows = [rng.normal(size=(count, dimension)).astype(np.float32) for count in (40, 1000)]
    queries, references = (
        cpu_integer_screen.Rounded.of_queries(rows[0]),
        cpu_integer_screen.Rounded.of_references(rows[1]),
    )
    left, right = (side.integers.numpy().astype(int) for side in (queries, references))
    products = torch_internals.integer_product(queries.integers, references.integers.T).numpy()
    assert np.array_equal(products, left @ right.T)


def test_no_query_has_a_nearest_reference():
    queries, references = (np.ones((count, 8), dtype=np.float32) for count in (0, 3))
    assert [len(column) for column in nearest_of_each(queries, references, 2)] == [0, 0, 0]
