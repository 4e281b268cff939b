"""The challenge's ids: T and six digits, R and six digits, Q and five digits.

Training images are T000000-T999999, references R000000-R999999, queries Q00000-Q49999 in phase 1
and Q50000-Q99999 in phase 2 (DISC21 data set, ISC 2021 rules). The ground truth of phase 1's first
half, Q00000-Q24999, was public during the competition, that of its second half private.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from iscqk.formats.arrays import BoolArray, IntArray, StrArray
from iscqk.formats.phases import HALVES, PHASES

QUERIES_PER_PHASE = 50_000
QUERIES_PER_HALF = 25_000
_TOLD = 40  # letters of what is no id, by which an error names it


class IdForm(NamedTuple):
    """One letter and a fixed number of digits, for one kind of image."""

    kind: str
    letter: str
    digits: int

    @property
    def width(self) -> int:
        """Characters in an id."""
        return 1 + self.digits

    @property
    def description(self) -> str:
        """How an error message names the form."""
        return f"{self.letter} and {self.digits} digits"

    def make(self, number: int) -> str:
        """Return the id of image `number`; ValueError when it needs more digits than there are."""
        if not 0 <= number < 10**self.digits:
            raise ValueError(f"no {self.kind} id has the number {number}")
        return f"{self.letter}{number:0{self.digits}d}"

    def matches(self, ids: ArrayLike) -> BoolArray:
        """Return for each of (n,) ids whether it has this form."""
        characters = _characters(ids)
        if characters.shape[1] < self.width:
            return np.zeros(len(characters), dtype=np.bool_)
        digits = characters[:, 1 : self.width]
        well_formed: BoolArray = characters[:, 0] == ord(self.letter)
        well_formed &= ((digits >= ord("0")) & (digits <= ord("9"))).all(axis=1)
        # numpy pads short strings with zeros, so what follows the digits must be padding
        return well_formed & (characters[:, self.width :] == 0).all(axis=1)

    def numbers(self, ids: ArrayLike) -> IntArray:
        """Return the numbers in (n,) ids that have this form (check with `matches` first)."""
        characters = _characters(ids)
        if not len(characters):
            return np.empty(0, dtype=np.int64)
        powers = 10 ** np.arange(self.digits - 1, -1, -1, dtype=np.int64)
        return (characters[:, 1 : self.width].astype(np.int64) - ord("0")) @ powers

    def rows(self, names: ArrayLike, ids: ArrayLike) -> IntArray:
        """Return for each of (n,) names its row among (m,) unique ids of this form, -1 for none."""
        row_of = np.full(10**self.digits, -1, dtype=np.int64)
        numbers = self.numbers(ids)
        row_of[numbers] = np.arange(len(numbers))
        return row_of[self.numbers(names)]


TRAINING = IdForm("training", "T", 6)
REFERENCE = IdForm("reference", "R", 6)
QUERY = IdForm("query", "Q", 5)


def query_id(number: int, phase: str) -> str:
    """Return the id of query `number` (from 0) of a phase."""
    if not 0 <= number < QUERIES_PER_PHASE:
        raise ValueError(f"a phase has {QUERIES_PER_PHASE} queries, so there is no query {number}")
    return QUERY.make(number + PHASES.index(phase) * QUERIES_PER_PHASE)


def phase_numbers(query_ids: ArrayLike) -> IntArray:
    """Return for each of (n,) well-formed query ids its index in `PHASES`."""
    return QUERY.numbers(query_ids) // QUERIES_PER_PHASE


def phase_of(query: str) -> str:
    """Return the phase that one well-formed query id belongs to."""
    return PHASES[int(phase_numbers([query])[0])]


def in_half(query_ids: ArrayLike, half: str) -> BoolArray:
    """Return for each of (n,) well-formed query ids whether it is in this half of phase 1."""
    return QUERY.numbers(query_ids) // QUERIES_PER_HALF == HALVES.index(half)


def graded_parts(query_ids: ArrayLike) -> IntArray:
    """Return for each of (n,) well-formed query ids its part: 0 and 1 the halves, 2 phase 2.

    A ground truth may be of one of them alone, as the competition's public one was.
    """
    return np.minimum(QUERY.numbers(query_ids) // QUERIES_PER_HALF, len(HALVES))


def pair_keys(query_ids: ArrayLike, reference_ids: ArrayLike) -> IntArray:
    """Return (n,) integers that are equal where the pairs of well-formed ids are."""
    return QUERY.numbers(query_ids) * 10**REFERENCE.digits + REFERENCE.numbers(reference_ids)


def query_numbers(keys: IntArray) -> IntArray:
    """Return the numbers of the queries in (n,) `pair_keys`."""
    return keys // 10**REFERENCE.digits


def as_ids(column: "pd.Series[str]") -> StrArray:
    """Return a column of text as (n,) ids, of what is too long for one its beginning.

    An array has room for its longest text in every row: one field that is swallowed by a stray
    quote, or of a name of 240 letters, would take gigabytes in a million.
    """
    return column.str.slice(0, _TOLD).to_numpy().astype(np.str_)


def repeated(ids: ArrayLike) -> BoolArray:
    """Return for each of (n,) ids or keys whether an equal one stands before it."""
    values = np.asarray(ids)
    again = np.ones(len(values), dtype=np.bool_)
    again[np.unique(values, return_index=True)[1]] = False
    return again


def _characters(ids: ArrayLike) -> NDArray[np.uint32]:
    """Return (n, longest) code points of (n,) ids, zero-padded: far faster than n regex calls."""
    strings = np.ascontiguousarray(np.asarray(ids, dtype=np.str_))
    longest = max(strings.dtype.itemsize // 4, 1)
    return strings.astype(f"<U{longest}").view("<u4").reshape(len(strings), longest)
