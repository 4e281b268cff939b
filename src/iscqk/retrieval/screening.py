"""Which pairs of two blocks can be nearer than a cut: a fast product with a proven margin.

For a query q and a reference r, |q - r|^2 <= c exactly when

    p := q.r - |r|^2 / 2  >=  (|q|^2 - c) / 2,

and p is one matrix product, of [q, 1] and [r, -|r|^2 / 2]. In floating point of unit roundoff u a
product of n terms, summed in any order, with or without fused multiply-add, is off by at most
g(n) * sum |terms|, g(n) = n u / (1 - n u) (Higham, Accuracy and Stability of Numerical Algorithms,
section 3.1); and sum |terms| <= |q||r| + |r|^2 / 2 by Cauchy-Schwarz. So no pair is lost when the
threshold is lowered by that much; those that pass are measured again by the caller.

Where the processor is fast at products of 8-bit integers, these come first
(`cpu_integer_screen`), then float32, then float64, until few enough pass.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike, NDArray

from iscqk.formats.arrays import DoubleArray, FloatArray, IntArray
from iscqk.retrieval.cpu_integer_screen import Rounded, integer_pairs, integers_are_fast

Cut = float | DoubleArray

# Where more than this share of a block passes in float32 (vectors far from zero and close together,
# or no cut yet), a float64 product is cheaper than to measure them.
_CROWDED = 1 / 16
# Squares beyond it may overflow float32.
_FLOAT32_SAFE = 1e37


@dataclass(frozen=True)
class Block:
    """Rows of one side: (n, d) float32 vectors and one more coordinate for the product.

    Attributes:
        start: row of the whole side where the block begins.
        augmented: (n, d + 1) float32, the vectors and `last`.
        last: (n,) float64, 1 for a query, -|r|^2 / 2 for a reference.
        square_norms: (n,) float64.
    """

    start: int
    augmented: FloatArray
    last: DoubleArray
    square_norms: DoubleArray

    @classmethod
    def of_queries(cls, start: int, vectors: FloatArray) -> "Block":
        """Return the block of (n, d) queries."""
        norms = _square_norms(vectors)
        return cls._of(start, vectors, np.ones_like(norms), norms)

    @classmethod
    def of_references(cls, start: int, vectors: FloatArray) -> "Block":
        """Return the block of (n, d) references."""
        norms = _square_norms(vectors)
        return cls._of(start, vectors, -norms / 2, norms)

    @classmethod
    def _of(cls, start: int, vectors: FloatArray, last: DoubleArray, norms: DoubleArray) -> "Block":
        with np.errstate(over="ignore"):  # such blocks are screened in float64
            augmented = np.column_stack([vectors, last.astype(np.float32)])
        return cls(start, augmented, last, norms)

    @property
    def vectors(self) -> FloatArray:
        """(n, d) float32."""
        return self.augmented[:, :-1]

    @cached_property
    def rounded_queries(self) -> Rounded:
        """The vectors of queries as integers."""
        return Rounded.of_queries(self.vectors)

    @cached_property
    def rounded_references(self) -> Rounded:
        """The vectors of references as integers."""
        return Rounded.of_references(self.vectors)

    def factor(self, dtype: DTypeLike) -> NDArray[np.floating]:
        """Return the (n, d + 1) factor of the product in float32 or float64."""
        if dtype == np.float32:
            return self.augmented
        return np.column_stack([self.vectors.astype(np.float64), self.last])


def pairs_within(
    queries: Block, references: Block, cut: Cut, limit: int
) -> tuple[IntArray, IntArray]:
    """Return rows (in their blocks) of all pairs that may be among the nearest ones.

    Left out are only pairs with a squared distance above `cut` (infinite: no cut yet), one for all
    queries or each query's own, and pairs to which `limit` other pairs of these blocks are nearer
    for certain.
    """
    if np.isfinite(cut).all() and integers_are_fast():
        loosened = _loosened(queries, cut)
        found = integer_pairs(queries.rounded_queries, references.rounded_references, loosened)
        if found is not None:
            return found
    size = len(queries.last) * len(references.last)
    crowded = True
    if _is_safe(queries, references):
        pairs, products = _screen(queries, references, cut, np.float32)
        crowded = len(pairs) > size * _CROWDED
        margins = _margins(queries, references, np.float32)
    if crowded:
        pairs, products = _screen(queries, references, cut, np.float64)
        margins = _margins(queries, references, np.float64)
    rows, columns = np.divmod(pairs, len(references.last))
    if len(pairs) > limit:
        middle = queries.square_norms[rows] - 2.0 * products
        kept = _certain_limit(middle, 2.0 * margins[rows], limit)
        rows, columns = rows[kept], columns[kept]
    return rows, columns


def bounds_of_nearest(queries: Block, references: Block, count: int) -> DoubleArray:
    """Return (nq,) squared distances within which each query has `count` references for certain.

    They are infinite where there are fewer references.
    """
    if len(references.last) < count:
        return np.full(len(queries.last), np.inf)
    dtype = np.float32 if _is_safe(queries, references) else np.float64
    products = queries.factor(dtype) @ references.factor(dtype).T
    least = np.partition(products, -count, axis=1)[:, -count].astype(np.float64)
    return queries.square_norms - 2 * least + 2 * _margins(queries, references, dtype)


def _is_safe(queries: Block, references: Block) -> bool:
    """Return whether no product of two blocks overflows float32."""
    return bool(queries.square_norms.max() + references.square_norms.max() < _FLOAT32_SAFE)


def _loosened(queries: Block, cut: Cut) -> Cut:
    """Return the cut, and some more: the distances it is compared with are rounded themselves."""
    return cut * (1.0 + _roundoff(np.float64, _terms(queries)))


def _screen(
    queries: Block, references: Block, cut: Cut, dtype: DTypeLike
) -> tuple[IntArray, DoubleArray]:
    """Return flat indices of the pairs that may be within the cut, and their products."""
    margins = _margins(queries, references, dtype)
    with np.errstate(over="ignore"):  # a cut beyond float32 lets everything pass
        thresholds = (queries.square_norms - _loosened(queries, cut)) / 2 - margins
        thresholds = thresholds.astype(dtype)
    thresholds = np.nextafter(thresholds, np.array(-np.inf, dtype=dtype))
    products = queries.factor(dtype) @ references.factor(dtype).T
    pairs = np.flatnonzero(products >= thresholds[:, None])
    return pairs, products.ravel()[pairs].astype(np.float64)


def _certain_limit(middle: DoubleArray, radius: DoubleArray, limit: int) -> IntArray:
    """Return where an interval middle +- radius is not above `limit` whole other ones."""
    bound = np.partition(middle + radius, limit - 1)[limit - 1]
    return np.flatnonzero(middle - radius <= bound)


def _margins(queries: Block, references: Block, dtype: DTypeLike) -> DoubleArray:
    """Return (nq,) bounds of how far a query's products are off, for any reference of the block."""
    norms, longest = np.sqrt(queries.square_norms), np.sqrt(references.square_norms.max())
    terms = _terms(queries)
    product = _roundoff(dtype, terms) * (norms * longest + longest**2 / 2)
    # what float64 does to the norms, the threshold and the distance measured afterwards
    bookkeeping = 4 * _roundoff(np.float64, terms) * (queries.square_norms + longest**2)
    underflow = terms * float(np.finfo(dtype).tiny) * (1 + norms + longest)
    return product + bookkeeping + underflow


def _terms(block: Block) -> int:
    """Roundings on the way to one sum: d products, `last`, its own rounding, and some to spare."""
    return block.augmented.shape[1] + 4


def _roundoff(dtype: DTypeLike, terms: int) -> float:
    """Return g(n) = n u / (1 - n u)."""
    error = terms * float(np.finfo(dtype).eps) / 2
    return error / (1 - error)


def _square_norms(vectors: FloatArray) -> DoubleArray:
    return np.square(vectors, dtype=np.float64).sum(axis=1)
