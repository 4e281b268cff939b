"""Descriptors of a phase that are made up, with a micro-AP that is known before any search.

References are random unit vectors, and so are most queries: in 256 dimensions no two of them come
as near as a cosine of 0.5 (that is 8 standard deviations; of 5e10 pairs, 3e-5 are expected beyond).
Three kinds of queries are planted, none nearer than that to a second reference:

    found   copies at a cosine between 0.5 and 0.95 of their reference
    lost    copies at the opposite end of the sphere from their reference, the last of all pairs
    decoys  distractors as near to some reference as found copies may be

So a list of predictions that has room for the found and the decoys begins with them, by their
distance, and whatever else it takes up after them but the lost, its micro-AP is that of these pairs
alone. `fault_of_size` tells of sizes where that does not hold.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from iscqk.retrieval.search import squared_distances

# Shares of the queries: a fifth of the challenge's had a match.
_FOUND, _LOST, _DECOYS = 0.12, 0.08, 0.2
_FARTHEST, _NEAREST = 0.5, 0.95
_BY_CHANCE = 0.01  # pairs that may be expected to come as near
ROWS_AT_ONCE = 65_536


class SyntheticPhase(NamedTuple):
    """What is known of the queries.

    Attributes:
        queries: (nq, d) float32.
        query: (p,) rows of queries planted near a reference or opposite to it.
        reference: (p,) rows of these references, each there once.
        true: (p,) whether the pair is a copy, found or lost.
        nearby: (p,) whether it is near enough to be found.
        squared_distance: (p,) float64.
    """

    queries: FloatArray
    query: IntArray
    reference: IntArray
    true: BoolArray
    nearby: BoolArray
    squared_distance: DoubleArray


def fault_of_size(count: int, total: int, dimension: int, max_results: int) -> str | None:
    """Return why a phase's micro-AP would not be the known one, with the remedy.

    Args:
        count: of queries.
        total: of references.
        dimension: of descriptors.
        max_results: pairs that the search is to return.
    """
    (found, lost, decoys), pairs = _sizes(count), count * total
    # Cosines of random directions are about normal, with a variance of 1 / dimension.
    by_chance = pairs * math.erfc(_FARTHEST * math.sqrt(dimension / 2)) / 2
    if by_chance > _BY_CHANCE:
        return (
            f"of {pairs} pairs in {dimension} dimensions {by_chance:.2g} are expected to come as "
            "near as copies by chance; give more dimensions"
        )
    if max_results < found + decoys:
        return (
            f"a search for {max_results} pairs does not return all {found + decoys} that are "
            "planted; let it return more, or give fewer queries"
        )
    if max_results > pairs - lost:
        return (
            f"a search for {max_results} of {pairs} pairs returns copies that are to be lost; "
            "give more queries or references, or let it return fewer"
        )
    return None


def random_references(count: int, dimension: int, seed: int) -> Iterator[FloatArray]:
    """Yield blocks of (n, d) random unit rows."""
    rng = np.random.default_rng([seed, 0])
    for start in range(0, count, ROWS_AT_ONCE):
        yield _unit(rng, min(ROWS_AT_ONCE, count - start), dimension)


def synthesize_phase(
    count: int, references: Iterator[FloatArray], total: int, seed: int
) -> SyntheticPhase:
    """Return `count` queries, the planted ones near random ones of the `total` references.

    Args:
        count: of queries, so that there are fewer to plant than references.
        references: blocks of (n, d) unit rows, in order.
        total: of references.
        seed: of everything drawn here.
    """
    rng = np.random.default_rng([seed, 1])
    kind = np.repeat([0, 1, 2], _sizes(count))
    query = rng.choice(count, len(kind), replace=False)
    reference = rng.choice(total, len(kind), replace=False)
    near = _rows(references, reference)
    queries = _unit(rng, count, near.shape[1])
    cosines = rng.uniform(_FARTHEST, _NEAREST, len(kind))
    queries[query] = np.where((kind == 1)[:, None], -near, _at(cosines, near, queries[query]))
    distances = squared_distances(queries[query], near)
    return SyntheticPhase(queries, query, reference, kind < 2, kind != 1, distances)


def known_micro_ap(planted: SyntheticPhase) -> float:
    """Return the micro-AP of the planted pairs, a step at a time from its definition."""
    pairs = sorted(
        zip(planted.squared_distance[planted.nearby], planted.true[planted.nearby], strict=True)
    )
    hits, total = 0, 0.0
    for rank, (_, true) in enumerate(pairs, start=1):
        hits += int(true)
        total += int(true) * hits / rank
    return total / int(planted.true.sum())


def _sizes(count: int) -> list[int]:
    """Return how many of the queries are found, lost and decoys."""
    return [round(share * count) for share in (_FOUND, _LOST, _DECOYS)]


def _rows(blocks: Iterator[FloatArray], wanted: IntArray) -> FloatArray:
    """Return (p, d), the wanted rows of blocks."""
    order, start, parts = np.sort(wanted), 0, []
    for block in blocks:
        inside = order[(order >= start) & (order < start + len(block))]
        parts.append(block[inside - start])
        start += len(block)
    return np.concatenate(parts)[np.searchsorted(order, wanted)]


def _at(cosines: DoubleArray, near: FloatArray, others: FloatArray) -> FloatArray:
    """Return (p, d) unit rows at cosines from `near`, in the directions of `others`."""
    aside = others - (others * near).sum(axis=1, keepdims=True) * near
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    rows = cosines[:, None] * near + np.sqrt(1 - cosines**2)[:, None] * aside
    return rows.astype(np.float32)


def _unit(rng: np.random.Generator, count: int, dimension: int) -> FloatArray:
    rows = rng.standard_normal((count, dimension), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
