"""Rows of images that could not be read rank after every pair of images that were."""

import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.retrieval import search
from iscqk.retrieval.rankings.log_partition.functions import of_queries, of_references
from iscqk.retrieval.search import global_search, squared_distances
from iscqk.retrieval.unmatchable import with_unmatchable


def unit(rng, count, dimension):
    rows = rng.standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("ranking", ["similarity", "log_partition"])
@pytest.mark.parametrize("dimension", [1, 2, 255])
def test_they_rank_last_and_the_search_stays_exact(ranking, dimension, monkeypatch):
    monkeypatch.setattr(search, "_REFERENCE_BLOCK", 1024)
    rng = np.random.default_rng(dimension)
    queries, references = unit(rng, 40, dimension), unit(rng, 3000, dimension)
    references[:20] = -queries[:20]  # the farthest that two images can be
    if ranking == "log_partition":
        queries = of_queries(queries, [references[:100], queries], 0.05)
        references = of_references(references)
    bad_query, bad_reference = rng.random(40) < 0.2, rng.random(3000) < 0.1
    bad_query[0] = bad_reference[0] = False  # opposite to each other
    queries = with_unmatchable(queries, bad_query, "query")
    references = with_unmatchable(references, bad_reference, "reference")
    assert queries.dtype == references.dtype == np.float32

    found = global_search(queries, references, 40 * 3000)
    nothing = bad_query[found.query_index] | bad_reference[found.reference_index]
    real = int((~bad_query).sum() * (~bad_reference).sum())
    assert not nothing[:real].any() and nothing[real:].all()
    assert found.squared_distance[real] > found.squared_distance[real - 1]

    rows, columns = np.divmod(np.arange(40 * 3000), 3000)
    distances = squared_distances(queries[rows], references[columns])
    order = np.lexsort((rows * 3000 + columns, distances))[:5000]
    nearest = global_search(queries, references, 5000)
    assert np.array_equal(nearest.query_index, rows[order])
    assert np.array_equal(nearest.reference_index, columns[order])
    assert np.array_equal(nearest.squared_distance, distances[order])


def test_rows_too_long_to_be_kept_apart_are_refused():
    long = np.full((2, 4), 3, dtype=np.float32)
    with pytest.raises(UserError, match="a query has a descriptor longer than 5.33"):
        with_unmatchable(long, np.array([True, False]), "query")
    far = with_unmatchable(long, np.array([True, True]), "query")
    assert np.linalg.norm(far, axis=1) == pytest.approx([16, 16])
