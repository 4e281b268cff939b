"""Kinds of indexes over the same descriptors: what making one takes, and what each finds."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np

from iscqk.formats.arrays import FloatArray, IntArray
from iscqk.formats.stored_rows import JoinedRows
from iscqk.matching.neighbourhoods import LISTED
from iscqk.retrieval.approximate import ApproximateIndex, lists_of
from iscqk.retrieval.faiss_library import load_faiss
from iscqk.retrieval.nearest import nearest_of_each

Result = TypeVar("Result")

OURS, LISTS = "ours", (32, 128, 256)
# The others by faiss's name, with its parameter of how much is looked at.
OTHERS = {
    "IVF{lists},SQ8": ("nprobe", (32, 256)),
    "IVF{lists},Flat": ("nprobe", (32, 256)),
    "HNSW32_SQ8": ("efSearch", (64, 256)),
}


class Planted(NamedTuple):
    """Queries (q, d) made of some rows (q,), as a copy is of its original."""

    queries: FloatArray
    rows: IntArray


def plant(vectors: JoinedRows, count: int, similarity: float) -> Planted:
    """Return queries between a row each and another one, of that similarity to the first."""
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(vectors))[: 2 * count].reshape(2, -1)
    own, other = vectors[rows[0]], vectors[rows[1]]
    other = other - (own * other).sum(1, keepdims=True) * own
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    queries = similarity * own + np.float32(np.sqrt(1 - similarity**2)) * other
    return Planted(queries.astype(np.float32), rows[0])


def compare(
    vectors: JoinedRows, planted: Planted, threads: int, others: bool = True
) -> Iterator[dict[str, Any]]:
    """Yield a row for the exact search, and for each kind of index and how much it looks at.

    Args:
        vectors: (n, d) unit rows.
        planted: queries.
        threads: to compute with.
        others: whether other kinds are made than that of `--index`, which takes long.
    """
    faiss = load_faiss()  # not a part of what is timed
    queries = planted.queries
    exact, seconds = _timed(lambda: nearest_of_each(queries, vectors, LISTED, threads))
    truth = exact.reference_index.reshape(-1, LISTED)
    yield _row("exact", "all", 0, 4 * vectors.shape[1], seconds, truth, truth, planted)
    ours, making = _timed(lambda: ApproximateIndex.of(vectors, threads))
    size = _bytes(ours)
    for lists in LISTS:
        pairs, seconds = _timed(
            lambda: ours.nearest(queries, vectors, LISTED, threads, looked_at=lists)  # noqa: B023
        )
        found = pairs.reference_index.reshape(-1, LISTED)
        yield _row(OURS, f"nprobe {lists}", making, size, seconds, found, truth, planted)
    for kind, (name, values) in OTHERS.items() if others else ():
        named = kind.format(lists=lists_of(len(vectors)))
        index, making = _timed(lambda: ApproximateIndex.of(vectors, threads, named))  # noqa: B023
        for value in values:
            faiss.ParameterSpace().set_index_parameter(index.faiss, name, value)
            (_, found), seconds = _timed(lambda: index.faiss.search(queries, LISTED))  # noqa: B023
            looked_at = f"{name} {value}"
            yield _row(kind, looked_at, making, _bytes(index), seconds, found, truth, planted)


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return what is made, and the seconds of the processor that it took."""
    start = time.process_time()
    return work(), time.process_time() - start


def _bytes(index: ApproximateIndex) -> float:
    return len(load_faiss().serialize_index(index.faiss)) / len(index)


def _row(
    kind: str,
    looked_at: str,
    making: float,
    size: float,
    seconds: float,
    found: IntArray,
    truth: IntArray,
    planted: Planted,
) -> dict[str, Any]:
    """Return a row of the table; see `iscqk benchmark-index`."""
    near = (truth[:, :, None] == found[:, None, :]).any(2)
    has_original = (truth == planted.rows[:, None]).any(1)
    finds_original = (found == planted.rows[:, None]).any(1)
    return {
        "kind": kind,
        "looked_at": looked_at,
        "making_seconds": round(making, 1),
        "bytes": round(size),
        "ms_a_query": round(1000 * seconds / len(found), 2),
        "originals": round(float(finds_original[has_original].mean()), 4),
        "of_the_32": round(float(near.mean()), 4),
    }
