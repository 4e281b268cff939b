"""The index of faiss: near to exact search on rows like descriptors, with exact distances."""

import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.formats.stored_rows import JoinedRows
from iscqk.retrieval import approximate
from iscqk.retrieval.approximate import ApproximateIndex, lists_of
from iscqk.retrieval.nearest import nearest_of_each

COUNT = 12_000


@pytest.fixture(scope="module")
def vectors():
    """Unit rows of which few directions matter, as those of images."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((COUNT, 16)) @ rng.standard_normal((16, 64))
    rows += 0.3 * rng.standard_normal(rows.shape)
    return JoinedRows([unit(rows[: COUNT // 3]), unit(rows[COUNT // 3 :])])


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def index(vectors):
    return ApproximateIndex.of(vectors, 1)


@pytest.fixture(scope="module")
def queries(vectors):
    return unit(vectors[:200] + 0.05 * np.random.default_rng(1).standard_normal((200, 64)))


def columns(pairs, count):
    return pairs.reference_index.reshape(-1, count), pairs.squared_distance.reshape(-1, count)


def test_it_finds_nearly_all_and_its_distances_are_exact(vectors, index, queries):
    found, distances = columns(index.nearest(queries, vectors, 10), 10)
    exact, right = columns(nearest_of_each(queries, vectors, 10), 10)
    assert len(index) == COUNT and (found[:, 0] == exact[:, 0]).mean() > 0.99
    hits = (exact[:, :, None] == found[:, None]).any(2)
    assert hits.mean() > 0.95
    whole = hits.all(1)
    assert (found[whole] == exact[whole]).all()  # in the same order
    np.testing.assert_allclose(distances[whole], right[whole], rtol=1e-12)


def test_only_what_is_allowed_is_found(vectors, index, queries):
    allowed = np.arange(COUNT) % 3 == 1
    found, _ = columns(index.nearest(queries, vectors, 10, allowed=allowed), 10)
    assert allowed[found].all()
    allowed[:] = False
    allowed[[5, 7]] = True
    found, distances = columns(index.nearest(vectors[5:6], vectors, 4, allowed=allowed), 4)
    assert found[0, 0] == 5 and (found[0, 2:] == -1).all() and (distances[0, 2:] > 4).all()


def test_it_is_read_as_it_was_written_and_damage_is_told(vectors, index, queries, tmp_path):
    path = tmp_path / "a.faiss"
    index.write(path)
    again = ApproximateIndex.read(path).nearest(queries, vectors, 5)
    assert (again.reference_index == index.nearest(queries, vectors, 5).reference_index).all()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"a.faiss: damaged; remove it, and it is made again"):
        ApproximateIndex.read(path)


@pytest.mark.parametrize("count", [approximate.LEAST, 10**5, 10**6, 10**8])
def test_there_are_vectors_enough_to_learn_the_lists_of(count):
    assert count >= 19 * lists_of(count) and 2 * np.sqrt(count) < lists_of(count) < 6 * np.sqrt(
        count
    )
