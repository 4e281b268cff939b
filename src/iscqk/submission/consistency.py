"""Whether predictions are those of a submission: a CSV cannot say itself what it was made from."""

from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray, IntArray, first_where
from iscqk.formats.hdf5 import Rows
from iscqk.formats.ids import pair_keys
from iscqk.formats.predictions import Predictions
from iscqk.formats.submission import Submission
from iscqk.retrieval.search import global_search, squared_distances

_MEASURED = 1000  # pairs; another file's would hardly agree in one
_SEARCHED = 16  # queries among all, and among those of the pairs
_TOLERANCE = 1e-9  # relative, of a squared distance
_BORDER = 1e-4  # likewise, where a search in float32 may take another pair than ours as its last


def refuse_other_predictions(
    path: str | Path, predictions: Predictions, submission: Submission
) -> None:
    """Look for the images of all pairs, and measure some again, from the first to the last.

    Raises:
        UserError: a pair is of images that the submission does not describe, or its score is not
            its negative squared distance there.
    """
    queries, references = submission.rows_of(predictions)
    wrong = (queries < 0) | (references < 0)
    some = _evenly(len(predictions), _MEASURED)
    some = some[~wrong[some]]
    distances = squared_distances(
        _vectors(submission.query, queries[some]), _vectors(submission.reference, references[some])
    )
    wrong[some] = ~np.isclose(-predictions.scores[some], distances, rtol=_TOLERANCE, atol=0)
    if (at := first_where(wrong)) is not None:
        pair = f"{predictions.query_ids[at]},{predictions.reference_ids[at]}"
        raise UserError(
            f"{path}: {pair} is no pair of {submission.path} at that distance; these are the "
            "predictions of another file, search this one again"
        )


def refuse_part_of_predictions(
    path: str | Path,
    predictions: Predictions,
    submission: Submission,
    max_results: int,
    remedy: str = "search all of it again",
) -> None:
    """Count the pairs, and search all references for some queries again.

    Args:
        path: what the predictions are called.
        predictions: all of them pairs of the submission, at their distance.
        submission: that was searched.
        max_results: for how many pairs.
        remedy: what gives all of the predictions.

    Raises:
        UserError: a search of the whole submission for `max_results` pairs gives more or fewer, or
            one that is nearer than the last of these and is not among them.
    """
    pairs = min(max_results, len(submission.query) * len(submission.reference))
    if len(predictions) != pairs:
        raise UserError(
            f"{path}: {len(predictions)} predictions, where a search of {submission.path} for "
            f"{max_results} gives {pairs}; {remedy}"
        )
    listed_rows, _ = submission.rows_of(predictions.at(_evenly(len(predictions), _SEARCHED)))
    rows = np.union1d(_evenly(len(submission.query), _SEARCHED), listed_rows)
    ids = submission.query_ids[rows]
    listed = predictions.keys[np.isin(predictions.query_ids, ids)]
    # One more than are listed: if any is left out, then one of these.
    found = global_search(_vectors(submission.query, rows), submission.reference, len(listed) + 1)
    queries, references = ids[found.query_index], submission.reference_ids[found.reference_index]
    last = -predictions.scores.min(initial=0) * (1 - _BORDER)
    left_out = (found.squared_distance < last) & ~np.isin(pair_keys(queries, references), listed)
    if (at := first_where(left_out)) is not None:
        raise UserError(
            f"{path}: without {queries[at]},{references[at]}, which is nearer than its last pair; "
            f"these are the predictions of a part of {submission.path}; {remedy}"
        )


def _evenly(count: int, most: int) -> IntArray:
    """Return at most `most` of `count` rows, from the first to the last, each once."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _vectors(side: Rows, rows: IntArray) -> FloatArray:
    """Return (m, d), the vectors in (m,) rows."""
    return np.concatenate([side[0:0], *(side[row : row + 1] for row in rows)])
