"""CPU only: the fast first screen, which pairs may be within a cut, by products of 8-bit integers.

The project's claims about the speed of its search rest on it, where the processor has instructions
for such products. It loses no pair, so that a reader may leave it out: `screening` does the same
with floats alone.

A vector v is rounded to v' = s i, with integers i from -127 to 127 and a scale s for each query and
for each block of references. Products of integers are exact, and what rounding does to one is
bounded by how far it moved the vectors, which is measured:

    |q.r - s_q s_r i_q.i_r|  <=  |q - q'| |r| + |q'| |r - r'|        (Cauchy-Schwarz)

A pair is within the cut c where q.r >= (|q|^2 + |r|^2 - c) / 2. A query's largest product with some
references tells first whether there can be such a pair, by the block's shortest, longest and
farthest moved ones; mostly there is none. The pairs of what is left are then judged singly.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from iscqk.formats.arrays import DoubleArray, FloatArray, IntArray
from iscqk.models import torch_internals

_LARGEST = 127
_TOGETHER = 64  # references of which a query's largest product is taken, where a block is of such
# Where more than this share of a block passes, the float32 screen is worth its time.
_CROWDED = 1 / 64
# Far more than float64 loses in all of this, relative to the squared lengths at hand.
_FLOAT64 = 1e-12


@dataclass(frozen=True)
class Rounded:
    """Rows of one side as integers.

    Attributes:
        integers: (n, d) int8.
        scales: (n,) float64 of queries, (1,) of references.
        norms: (n,) float64, of the vectors as they were.
        moved: (n,) float64, how far rounding moved each.
    """

    integers: torch.Tensor
    scales: DoubleArray
    norms: DoubleArray
    moved: DoubleArray

    @classmethod
    def of_queries(cls, vectors: FloatArray) -> "Rounded":
        """Return (n, d) queries."""
        return cls._of(vectors, np.abs(vectors).max(axis=1, keepdims=True))

    @classmethod
    def of_references(cls, vectors: FloatArray) -> "Rounded":
        """Return (n, d) references."""
        return cls._of(vectors, np.abs(vectors).max(keepdims=True))

    @classmethod
    def _of(cls, vectors: FloatArray, largest: FloatArray) -> "Rounded":
        exact = vectors.astype(np.float64)
        scales = np.where(largest > 0, largest, 1).astype(np.float64) / _LARGEST
        integers = np.rint(exact / scales)
        moved = np.linalg.norm(exact - scales * integers, axis=1)
        if integers.shape[1] == 1:  # see `torch_internals.integer_product`
            integers = np.pad(integers, ((0, 0), (0, 1)))
        small = torch.from_numpy(integers.astype(np.int8))
        return cls(small, scales[:, 0], np.linalg.norm(exact, axis=1), moved)


@cache
def integers_are_fast() -> bool:
    """Return whether this processor has instructions for products of 8-bit integers.

    Without them such products are slow, and on some processors not exact.
    """
    return torch_internals.cpu_has_fast_integers()


def integer_pairs(
    queries: Rounded, references: Rounded, cut: float | DoubleArray
) -> tuple[IntArray, IntArray] | None:
    """Return rows of all pairs that may be within a squared distance, or None for too many.

    The distance is one for all queries, or each query's own.
    """
    cuts = np.broadcast_to(cut, queries.norms.shape)
    unit = queries.scales * references.scales  # of a product of integers
    shortest, longest = references.norms.min(), references.norms.max()
    of_any = _needed(queries, slice(None), shortest, longest, references.moved.max(), cuts)
    least = np.floor(np.clip(of_any / unit, -(2.0**31), 2.0**31 - 1)).astype(np.int32)
    products = torch_internals.integer_product(queries.integers, references.integers.T)
    passed = _of_at_least(products, least)
    if passed is None:
        return None
    rows, columns, large = passed
    norms = references.norms[columns]
    kept = unit[rows] * large >= _needed(
        queries, rows, norms, norms, references.moved[columns], cuts
    )
    return rows[kept], columns[kept]


def _of_at_least(
    products: torch.Tensor, least: NDArray[np.int32]
) -> tuple[IntArray, IntArray, NDArray[np.int32]] | None:
    """Return rows and columns of products (nq, nr) that reach the least of their row, and these.

    None for too many. Most are passed over by the largest of some that lie together, a tile.
    """
    count = products.shape[1]
    width = _TOGETHER if count % _TOGETHER == 0 else count
    tiles = products.view(-1, width)  # all of the first query, then all of the next
    largest = tiles.amax(1).numpy().reshape(len(least), -1)
    tile = np.flatnonzero(largest >= least[:, None])
    query, tile_of_query = np.divmod(tile, count // width)
    looked_at = tiles.numpy()[tile]
    passed = np.flatnonzero(looked_at >= least[query, None])
    if len(passed) > _CROWDED * products.numel():
        return None
    place, within = np.divmod(passed, width)
    return query[place], tile_of_query[place] * width + within, looked_at.ravel()[passed]


def _needed(
    queries: Rounded,
    rows: IntArray | slice,
    shortest: DoubleArray,
    longest: DoubleArray,
    moved: DoubleArray,
    cuts: DoubleArray,
) -> DoubleArray:
    """Return (n,) bounds: q'.r' of a pair within the cut is at least that large.

    Args:
        queries: all of them.
        rows: of the queries.
        shortest: of the references of each, their smallest norm.
        longest: their largest.
        moved: the farthest that one of them was moved.
        cuts: (nq,) squared distances, of all queries.
    """
    norms, own, cut = queries.norms[rows], queries.moved[rows], cuts[rows]
    rounding = own * longest + (norms + own) * moved
    lost = _FLOAT64 * (norms**2 + longest**2 + cut)
    needed: DoubleArray = (norms**2 + shortest**2 - cut) / 2 - rounding - lost
    return needed
