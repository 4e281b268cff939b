"""The index of faiss: near to exact search on rows like descriptors, with exact distances."""

import re

import faiss
import numpy as np
import pytest

from conftest import ROOT
from iscqk.errors import UserError
from iscqk.formats.stored_rows import JoinedRows
from iscqk.retrieval import approximate
from iscqk.retrieval.approximate import ApproximateIndex, lists_of
from iscqk.retrieval.nearest import nearest_of_each
from unit_rows import unit

COUNT = 12_000


@pytest.fixture(scope="module")
def vectors():
    """Unit rows of which few directions matter, as those of images."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((COUNT, 16)) @ rng.standard_normal((16, 64))
    rows += 0.3 * rng.standard_normal(rows.shape)
    return JoinedRows([unit(rows[: COUNT // 3]), unit(rows[COUNT // 3 :])])


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


def cut_short(path):
    path.write_bytes(path.read_bytes()[:1000])


def with_a_bit_turned(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def by_another_program(path):
    faiss.write_index(faiss.IndexFlatL2(64), str(path))


def empty(path):
    path.write_bytes(b"")


def of_other_vectors(path):
    ApproximateIndex(faiss.IndexFlatL2(64)).write(path)


def test_it_is_read_as_it_was_written(vectors, index, queries, tmp_path):
    path = tmp_path / "a.faiss"
    index.write(path)
    again = ApproximateIndex.read(path, vectors.shape).nearest(queries, vectors, 5)
    assert (again.reference_index == index.nearest(queries, vectors, 5).reference_index).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        *[
            (change, "damaged, or of another program; remove it, and it is made again")
            for change in (cut_short, with_a_bit_turned, by_another_program, empty)
        ],
        (of_other_vectors, "of other descriptors; remove it, and it is made again"),
    ],
)
def test_nothing_but_what_was_written_reaches_faiss(
    vectors, index, tmp_path, monkeypatch, change, told
):
    path = tmp_path / "a.faiss"
    index.write(path)
    change(path)
    if change is not of_other_vectors:
        monkeypatch.setattr(faiss, "deserialize_index", lambda _: pytest.fail("reached it"))
    with pytest.raises(UserError, match=f"a.faiss: {told}"):
        ApproximateIndex.read(path, vectors.shape)


@pytest.mark.parametrize("count", [approximate.LEAST, 10**5, 10**6, 10**8])
def test_there_are_vectors_enough_to_learn_the_lists_of(count):
    assert count >= 19 * lists_of(count) and 2 * np.sqrt(count) < lists_of(count) < 6 * np.sqrt(
        count
    )


def test_one_place_imports_faiss_and_only_when_it_is_asked_for():
    """On a Mac it may end a process that has torch, so that nothing else may bring it along."""
    files = (ROOT / "src").rglob("*.py")
    lines = [(path.name, line) for path in files for line in path.read_text().splitlines()]
    found = {(name, line[:4]) for name, line in lines if re.match(r" *(import|from) faiss", line)}
    assert found == {("faiss_library.py", "    ")}
