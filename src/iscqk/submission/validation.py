"""Does a submission meet the rules? All that the closed platform checked, and all at once.

The public evaluators check next to nothing: ids missing, doubled or shifted by a row and vectors
that are not numbers pass them silently and cost micro-AP. Here every fault is told with its
dataset, row and id; of more than a thousand alike the others are counted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, DoubleArray, FloatArray, StrArray, lengths_of
from iscqk.formats.hdf5 import dataset, is_float32, open_hdf5, read_ids
from iscqk.formats.hdf5_checks import as_user_errors
from iscqk.formats.ids import QUERY, phase_numbers, repeated
from iscqk.formats.phases import PHASES
from iscqk.formats.submission import FORMS, MAX_DIMENSION, too_far, too_near
from iscqk.models.collapse import COLLAPSED, effective_rank
from iscqk.runtime.logs import progress
from iscqk.runtime.wording import counted

LISTED = 1_000  # problems of a kind in a dataset that are told one by one
_ROWS_PER_BLOCK = 8192
_SAMPLED, _TOGETHER = 8192, 512  # rows that are looked at for collapse, and those in one piece


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where, and what.

    Attributes:
        dataset: name in the file, "" for the file as a whole.
        what: the fault, in words.
        row: from 0, where it lies in a row.
        id: the image it concerns.
        count: of how many rows or images it is told at once.
    """

    dataset: str
    what: str
    row: int | None = None
    id: str | None = None
    count: int = 1

    def __str__(self) -> str:
        row = None if self.row is None else f"row {self.row}"
        return ": ".join([*filter(None, (self.dataset, row, self.id)), self.what])


@dataclass(frozen=True)
class Report:
    """What `validate_submission` found; counts are None where they could not be read.

    Warnings are of what the platform takes, and is of little worth.
    """

    problems: list[Problem]
    queries: int | None = None
    references: int | None = None
    dimension: int | None = None
    phase: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the platform would take the file."""
        return not self.problems

    @property
    def count(self) -> int:
        """How many problems there are, of which more than `LISTED` of a kind are told as one."""
        return sum(problem.count for problem in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {"valid": self.valid, **asdict(self)}


def validate_submission(
    path: str | Path,
    query_ids: Iterable[str] | None = None,
    reference_ids: Iterable[str] | None = None,
    phase: str | None = None,
) -> Report:
    """Check a submission file, a block in memory at a time.

    Args:
        path: the HDF5 file.
        query_ids: the queries it must describe; None to check the form of ids alone.
        reference_ids: the same for references.
        phase: of the queries; None when any will do, as long as it is one.
    """
    try:
        with open_hdf5(path) as file:
            query = _Side.of(file, "query", query_ids)
            reference = _Side.of(file, "reference", reference_ids)
    except UserError as error:
        return Report([Problem("", str(error))])
    found, phase_problems = _phase_problems(query.ids, phase)
    dimension = None if query.shape is None else query.shape[1]
    problems = [
        *query.problems,
        *reference.problems,
        *_dimension_problems(query.shape, reference.shape),
        *_scale_problems(query.lengths, reference.lengths),
        *phase_problems,
    ]
    warnings = (*query.warnings, *reference.warnings)
    return Report(problems, _count(query.ids), _count(reference.ids), dimension, found, warnings)


@dataclass(frozen=True)
class _Side:
    """What could be read of one side, and what is wrong with it; lengths are of its vectors."""

    ids: StrArray | None
    shape: tuple[int, int] | None
    lengths: DoubleArray
    problems: list[Problem]
    warnings: list[str]

    @classmethod
    def of(cls, file: h5py.File, side: str, expected: Iterable[str] | None) -> "_Side":
        ids: StrArray | None = None
        shape: tuple[int, int] | None = None
        lengths: DoubleArray = np.empty(0)
        problems: list[Problem] = []
        warnings: list[str] = []
        try:
            ids = read_ids(file, f"{side}_ids")
            problems += _id_problems(side, ids, expected)
        except UserError as error:
            problems.append(Problem(f"{side}_ids", str(error)))
        try:
            vectors = dataset(file, side)
            shape = vectors.shape if vectors.ndim == 2 else None
            problems += _shape_problems(side, vectors, ids)
            if vectors.ndim == 2 and vectors.dtype.kind == "f":
                lengths = _lengths(vectors)
                problems += _at_rows(side, ids, ~np.isfinite(lengths), "holds NaN or infinity")
            if not problems:
                worthless, warnings = _collapse(side, _sample(vectors))
                problems += worthless
                warnings += _zeros(side, lengths, ids)
        except UserError as error:
            problems.append(Problem(side, str(error)))
        return cls(ids, shape, lengths, problems, warnings)


def _id_problems(side: str, ids: StrArray, expected: Iterable[str] | None) -> Iterator[Problem]:
    """Yield the ids that are malformed, doubled, out of order, missing or not expected."""
    name, form = f"{side}_ids", FORMS[side]
    if not len(ids):
        yield Problem(name, "is empty")
    descends = np.zeros(len(ids), dtype=np.bool_)
    descends[1:] = ids[1:] < ids[:-1]
    yield from _at_rows(name, ids, ~form.matches(ids), f"is not {form.description}")
    yield from _at_rows(name, ids, repeated(ids), "is there twice")
    yield from _at_rows(name, ids, descends, "comes after a greater id; ids must ascend")
    if expected is not None:
        wanted = np.unique(np.asarray(list(expected), dtype=np.str_))
        strange, missing = ~np.isin(ids, wanted), np.setdiff1d(wanted, ids)
        if len(ids) and 0 < len(wanted) == len(missing):
            what = f"none of the {len(wanted):,} ids expected is there; name another manifest"
            yield Problem(name, what)
            return
        yield from _at_rows(name, ids, strange, "is not among the ids expected")
        yield from _listed(name, "is missing", ((None, str(i)) for i in missing), len(missing))


def _shape_problems(side: str, vectors: h5py.Dataset, ids: StrArray | None) -> Iterator[Problem]:
    """Yield what is wrong with the vectors of a side as a whole."""
    if not is_float32(vectors.dtype):
        yield Problem(side, f"is {vectors.dtype}; it must be float32")
    if vectors.ndim != 2:
        yield Problem(side, f"has shape {vectors.shape}; it must be (images, dimensions)")
    elif ids is not None and len(ids) != len(vectors):
        yield Problem(side, f"has {len(vectors)} vectors for {len(ids)} ids")


def _lengths(vectors: h5py.Dataset) -> DoubleArray:
    """Return the length of each vector, not finite where one of its numbers is not."""
    lengths = np.empty(len(vectors))
    starts = range(0, len(vectors), _ROWS_PER_BLOCK)
    for start in progress(starts, len(starts), "validate, blocks of rows"):
        with as_user_errors(f"from row {start} on"):
            block = vectors[start : start + _ROWS_PER_BLOCK]
        lengths[start : start + len(block)] = lengths_of(block)
    return lengths


def _zeros(side: str, lengths: DoubleArray, ids: StrArray | None) -> list[str]:
    """Return the warning that some vectors are zero, which are alike whatever their images are."""
    zeros = np.flatnonzero(lengths == 0)
    if ids is None or not len(zeros):
        return []
    what = counted(len(zeros), "vector is", "vectors are")
    return [f"{side}: {what} zero, that of {ids[zeros[0]]} first; describe again"]


def _sample(vectors: h5py.Dataset) -> FloatArray:
    """Return rows from all over a side, or all where they are few."""
    starts = range(0, len(vectors), _TOGETHER)
    every = max(1, len(starts) * _TOGETHER // _SAMPLED)
    parts = [vectors[start : start + _TOGETHER] for start in starts[::every]]
    return np.concatenate(parts) if parts else np.zeros((0, vectors.shape[1]), np.float32)


def _collapse(side: str, rows: FloatArray) -> tuple[list[Problem], list[str]]:
    """Return the problem that all rows are the same, or the warning that they nearly are."""
    remedy = "the model may have collapsed, train it again with a lower train.METHOD.learning_rate"
    if len(rows) > 1 and (rows == rows[0]).all():
        return [Problem(side, f"describes all images the same; {remedy}")], []
    if (rank := effective_rank(rows)) < COLLAPSED:
        return [], [f"{side}: describes all images alike (effective rank {rank:.3f}); {remedy}"]
    return [], []


def _dimension_problems(
    query: tuple[int, int] | None, reference: tuple[int, int] | None
) -> Iterator[Problem]:
    for side, shape in (("query", query), ("reference", reference)):
        if shape is not None and not 1 <= shape[1] <= MAX_DIMENSION:
            yield Problem(side, f"has {shape[1]} dimensions; the rules allow 1 to {MAX_DIMENSION}")
    if query and reference and query[1] != reference[1]:
        yield Problem("", f"queries have {query[1]} dimensions, references {reference[1]}")


def _scale_problems(query: DoubleArray, reference: DoubleArray) -> Iterator[Problem]:
    """Yield that a query and a reference may be too far apart, or all of them too near."""
    longest = [lengths.max(initial=0, where=np.isfinite(lengths)) for lengths in (query, reference)]
    apart = sum(longest) ** 2
    if min(len(query), len(reference)) and (fault := too_far(apart) or too_near(apart)):
        yield Problem("", fault)


def _phase_problems(ids: StrArray | None, phase: str | None) -> tuple[str | None, list[Problem]]:
    """Return the phase that most queries are of, and the queries that are of another."""
    well_formed = np.array([], dtype=int) if ids is None else np.flatnonzero(QUERY.matches(ids))
    if ids is None or not len(well_formed):
        return None, []
    numbers = phase_numbers(ids[well_formed])
    found = int(np.bincount(numbers, minlength=len(PHASES)).argmax())
    wanted = found if phase is None else PHASES.index(phase)
    wrong = np.zeros(len(ids), dtype=np.bool_)
    wrong[well_formed] = numbers != wanted
    what = f"is no query of {PHASES[wanted]}"
    return PHASES[found], list(_at_rows("query_ids", ids, wrong, what))


def _at_rows(name: str, ids: StrArray | None, wrong: BoolArray, what: str) -> Iterator[Problem]:
    owners: StrArray = np.empty(0, dtype=np.str_) if ids is None else ids
    rows = np.flatnonzero(wrong).tolist()
    places = ((row, str(owners[row]) if row < len(owners) else None) for row in rows)
    return _listed(name, what, places, len(rows))


def _listed(
    name: str, what: str, places: Iterable[tuple[int | None, str | None]], count: int
) -> Iterator[Problem]:
    """Yield a problem at the first `LISTED` of places (row, id), and one of all others together."""
    for row, owner in islice(places, LISTED):
        yield Problem(name, what, row, owner)
    if (further := count - LISTED) > 0:
        yield Problem(name, f"{further:,} more: {what}", count=further)


def _count(ids: StrArray | None) -> int | None:
    return None if ids is None else len(ids)
