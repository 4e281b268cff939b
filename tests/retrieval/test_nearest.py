"""The search for each query by itself: what is equally near, and what it keeps in memory."""

import tracemalloc

import numpy as np
import pytest

from iscqk.retrieval import nearest
from iscqk.retrieval.nearest import nearest_of_each


def units(rows, seed):
    vectors = np.random.default_rng(seed).normal(size=(rows, 32)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def quantised(rows, seed):
    return np.round(np.random.default_rng(seed).normal(size=(rows, 3))).astype(np.float32)


def take_blocks_of(queries, references, monkeypatch):
    monkeypatch.setattr(nearest, "_QUERY_BLOCK", queries)
    monkeypatch.setattr(nearest, "_REFERENCE_BLOCK", references)


@pytest.mark.parametrize("make", [quantised, lambda rows, _: np.ones((rows, 3), np.float32)])
@pytest.mark.parametrize("count", [1, 7, 300, 5000])
def test_of_equally_near_references_the_first_ones_count(make, count, monkeypatch):
    """Of equal vectors a block has far more that may count than there is room for."""
    queries, references = make(300, 0), make(900, 1)
    take_blocks_of(270, 128, monkeypatch)
    found = nearest_of_each(queries, references, count)
    every = ((queries[:, None].astype(np.float64) - references) ** 2).sum(-1)
    order = np.argsort(every, axis=1, kind="stable")[:, :count]
    assert found.query_index.tolist() == np.repeat(np.arange(300), order.shape[1]).tolist()
    assert found.reference_index.tolist() == order.ravel().tolist()


class Watched:
    """References, and how much memory was held whenever some of them were asked for."""

    def __init__(self, vectors):
        self.vectors, self.shape, self.held = vectors, vectors.shape, []

    def __getitem__(self, rows):
        self.held.append(tracemalloc.get_traced_memory()[0])
        return self.vectors[rows]


def test_nothing_more_is_held_the_longer_a_search_goes_on(monkeypatch):
    """Else what the allocator cannot give back grows with the references."""
    queries, references = units(400, 0), Watched(units(6400, 1))
    take_blocks_of(100, 200, monkeypatch)
    tracemalloc.start()
    try:
        nearest_of_each(queries, references, 33)
    finally:
        tracemalloc.stop()
    later = references.held[2:]
    assert len(later) == 30 and max(later) - min(later) < 20_000
