"""The official submission of the descriptor track: one HDF5 file.

    query          (nq, d) float32      query_ids      (nq,) S6, ascending
    reference      (nb, d) float32      reference_ids  (nb,) S7, ascending

d is at most 256 and the same on both sides; vectors are compared as they are, by L2 distance
(isc2021 `scripts/convert_track2_format.py`, `scripts/compute_metrics.py`). Attributes of the file
may carry its provenance; the grader ignores them.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike

from iscqk.errors import UserError
from iscqk.formats.arrays import IntArray, StrArray, first_where
from iscqk.formats.hdf5 import (
    Appender,
    Attributes,
    Rows,
    open_hdf5,
    read_attributes,
    read_ids,
    read_vectors,
    write_hdf5,
)
from iscqk.formats.ids import QUERY, REFERENCE, IdForm, repeated
from iscqk.formats.predictions import Predictions

MAX_DIMENSION = 256
# Both official evaluators begin their search at a squared radius of 1e10 and compute in float32,
# whose squares vanish long before its numbers do.
_LARGEST_SQUARED, _SMALLEST_SQUARED = 1e10, 1e-30
ONCE, NONE = "once", "none"  # in its provenance: of sizes and turns, of a projection
FORMS = {"query": QUERY, "reference": REFERENCE}

Blocks = Iterable[tuple[ArrayLike, ArrayLike]]


def too_far(squared_distance: float) -> str | None:
    """Return why the official evaluators cannot rank pairs that are so far apart, with the remedy.

    Args:
        squared_distance: the largest that counts.
    """
    if squared_distance >= _LARGEST_SQUARED:
        return (
            f"squared distances reach {squared_distance:.3g}, and the official evaluators look no "
            f"further than {_LARGEST_SQUARED:.0e}; divide all vectors by one large number"
        )
    return None


def too_near(squared_distance: float) -> str | None:
    """Return why they cannot where no pair of a file is farther apart, with the remedy.

    Args:
        squared_distance: the largest that there can be; 0 where all vectors are, which is no fault
            of their scale.
    """
    if 0 < squared_distance < _SMALLEST_SQUARED:
        return (
            f"squared distances reach only {squared_distance:.3g}, which vanish in the official "
            "evaluators' float32; multiply all vectors by one large number"
        )
    return None


@dataclass(frozen=True)
class Submission:
    """An open submission: ids in memory, vectors read when they are sliced."""

    path: Path
    query: Rows
    reference: Rows
    query_ids: StrArray
    reference_ids: StrArray
    attributes: dict[str, Any]

    @property
    def dimension(self) -> int:
        """Coordinates of a descriptor."""
        return self.query.shape[1]

    def rows_of(self, predictions: Predictions) -> tuple[IntArray, IntArray]:
        """Return (n,) rows of the queries and (n,) of the references, -1 where it has none such."""
        return (
            QUERY.rows(predictions.query_ids, self.query_ids),
            REFERENCE.rows(predictions.reference_ids, self.reference_ids),
        )


@contextmanager
def open_submission(path: str | Path) -> Iterator[Submission]:
    """Open a submission to search or score; UserError for the first thing wrong with it.

    Ids must have the official forms and be unique, but may stand in any order: whether the platform
    would take the file, `iscqk.submission.validation` tells.
    """
    with open_hdf5(path) as file:
        query, query_ids = _read_side(file, "query")
        reference, reference_ids = _read_side(file, "reference")
        if query.shape[1] != reference.shape[1]:
            dimensions = f"{query.shape[1]} and {reference.shape[1]}"
            raise UserError(
                f"{path}: query and reference have {dimensions} dimensions; write both with one"
            )
        attributes = read_attributes(file)
        yield Submission(Path(path), query, reference, query_ids, reference_ids, attributes)


def _read_side(file: h5py.File, side: str) -> tuple[Rows, StrArray]:
    """Return the vectors and ids of one side, checked against each other."""
    vectors, ids = read_vectors(file, side), read_ids(file, f"{side}_ids")
    where = f"{file.filename}: dataset '{side}_ids'"
    if len(vectors) != len(ids):
        raise UserError(f"{where} has {len(ids)} ids for {len(vectors)} vectors; write one each")
    remedy = f"run `iscqk validate {file.filename}` to list every such row"
    for wrong, what in (
        (~FORMS[side].matches(ids), f"is not {FORMS[side].description}"),
        (repeated(ids), "is there twice"),
    ):
        if (row := first_where(wrong)) is not None:
            raise UserError(f"{where}, row {row}: id '{ids[row]}' {what}; {remedy}")
    return vectors, ids


def write_submission(
    path: str | Path,
    dimension: int,
    queries: tuple[int, Blocks],
    references: tuple[int, Blocks],
    attributes: Attributes | None = None,
) -> None:
    """Write a submission from streams, one block in memory at a time.

    Args:
        path: where to; it appears once it is complete.
        dimension: d, from 1 to 256.
        queries: how many there are, and blocks of (n,) ids and (n, d) vectors in order of id.
        references: the same for references.
        attributes: provenance.

    Raises:
        UserError: ids malformed or not ascending, vectors not finite or of another dimension, or
            another number of them than announced.
    """
    if not 1 <= dimension <= MAX_DIMENSION:
        raise UserError(f"{path}: {dimension} dimensions; the rules allow 1 to {MAX_DIMENSION}")
    with write_hdf5(path, attributes) as file:
        for side, (count, blocks) in {"query": queries, "reference": references}.items():
            try:
                _write_side(file, side, dimension, count, blocks)
            except UserError as error:
                raise UserError(f"{path}: dataset '{side}': {error}") from error


def _write_side(file: h5py.File, side: str, dimension: int, count: int, blocks: Blocks) -> None:
    form, last = FORMS[side], ""
    appender = Appender(file, (f"{side}_ids", side), dimension, form.width, count)
    for ids, vectors in blocks:
        names = np.asarray(ids, dtype=np.str_)
        _check_block(form, last, names)
        appender.append(names, vectors)
        last = str(names[-1]) if len(names) else last
    if appender.written != count:
        raise UserError(f"{appender.written} ids came where {count} were announced; add the rest")


def _check_block(form: IdForm, last: str, ids: StrArray) -> None:
    """Raise UserError at the first id of a block that the platform would refuse."""
    before = np.concatenate([np.array([last]), ids[:-1]])
    for wrong, what in (
        (~form.matches(ids), f"is not {form.description}"),
        (ids <= before, "does not ascend; merge in order of id, each id once"),
    ):
        if (row := first_where(wrong)) is not None:
            raise UserError(f"id '{ids[row]}' {what}")
