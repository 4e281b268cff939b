"""From descriptors to predictions: the search, in the challenge's words."""

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, StrArray, lengths_of
from iscqk.formats.hdf5 import Rows
from iscqk.formats.predictions import Predictions
from iscqk.formats.submission import Submission, too_far, too_near
from iscqk.retrieval.search import NotFinite, Vectors, global_search

_ROWS_AT_ONCE = 8192


def predict(
    submission: Submission,
    max_results: int,
    threads: int = 1,
    counted: BoolArray | None = None,
    part: tuple[int, int] | None = None,
) -> Predictions:
    """Return the nearest pairs of a submission, best first; the score is -(squared distance).

    Args:
        submission: an open one.
        max_results: how many pairs, over all queries together.
        threads: for the search.
        counted: (nq,) which queries take part; None for all.
        part: the first reference that takes part and the one after the last; None for all.

    Raises:
        UserError: a vector that is not finite, named by its id, or distances that the challenge's
            own search would not rank.
    """
    rows = np.arange(len(submission.query)) if counted is None else np.flatnonzero(counted)
    queries = submission.query[0 : len(submission.query)][rows]
    first, last = part or (0, len(submission.reference))
    references = submission.reference.part(first, last)
    query_ids, reference_ids = submission.query_ids[rows], submission.reference_ids[first:last]
    try:
        found = nearest_pairs(queries, references, query_ids, reference_ids, max_results, threads)
    except UserError as error:
        raise UserError(f"{submission.path}: {error}") from error
    if fault := _fault_of_scale(submission, float(-found.scores.min(initial=0))):
        raise UserError(f"{submission.path}: {fault}")
    return found


def _fault_of_scale(submission: Submission, largest: float) -> str | None:
    """Return why the challenge's own search would not rank the pairs that were found.

    That these are near one another is no fault of the scale, few as they may be: of that the
    longest vectors tell, which are looked at where the pairs leave a doubt.
    """
    if largest and not too_near(largest):
        return too_far(largest)
    return too_near((_longest(submission.query) + _longest(submission.reference)) ** 2)


def _longest(side: Rows) -> float:
    """Return the length of a side's longest vector, a block in memory at a time."""
    blocks = (side[row : row + _ROWS_AT_ONCE] for row in range(0, len(side), _ROWS_AT_ONCE))
    return float(max((lengths_of(block).max() for block in blocks), default=0))


def nearest_pairs(
    queries: Vectors,
    references: Vectors,
    query_ids: StrArray,
    reference_ids: StrArray,
    max_results: int,
    threads: int = 1,
) -> Predictions:
    """Return the nearest pairs of descriptors, best first; the score is -(squared distance).

    Args:
        queries: (nq, d).
        references: (nb, d).
        query_ids: (nq,).
        reference_ids: (nb,).
        max_results: how many pairs, over all queries together.
        threads: for the search.

    Raises:
        UserError: a vector that is not finite, named by its id.
    """
    try:
        found = global_search(queries, references, max_results, threads)
    except NotFinite as error:
        name = {"query": query_ids, "reference": reference_ids}[error.side][error.row]
        raise UserError(f"{name} holds NaN or infinity; describe it again") from error
    return Predictions(
        query_ids[found.query_index], reference_ids[found.reference_index], -found.squared_distance
    )
