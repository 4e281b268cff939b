"""Whether predictions are those of a submission: a CSV cannot say itself what it was made from."""

from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.hdf5 import FloatArray, Rows
from iscqk.formats.ids import IntArray
from iscqk.formats.predictions import Predictions
from iscqk.formats.submission import Submission
from iscqk.retrieval.search import squared_distances

_MEASURED = 1000  # pairs; another file's would hardly agree in one
_TOLERANCE = 1e-9  # relative, of a squared distance


def refuse_other_predictions(
    path: str | Path, predictions: Predictions, submission: Submission
) -> None:
    """Measure some of the pairs again, from the first to the last.

    Raises:
        UserError: a pair is of images that the submission does not describe, or its score is not
            its negative squared distance there.
    """
    some = predictions.at(_evenly(len(predictions), _MEASURED))
    queries, references = submission.rows_of(some)
    known = (queries >= 0) & (references >= 0)
    distances = np.full(len(some), np.nan)
    distances[known] = squared_distances(
        _vectors(submission.query, queries[known]),
        _vectors(submission.reference, references[known]),
    )
    wrong = ~np.isclose(-some.scores, distances, rtol=_TOLERANCE, atol=0)
    if wrong.any():
        at = int(np.argmax(wrong))
        pair = f"{some.query_ids[at]},{some.reference_ids[at]}"
        raise UserError(
            f"{path}: {pair} is no pair of {submission.path} at that distance; these are the "
            "predictions of another file, search this one again"
        )


def _evenly(count: int, most: int) -> IntArray:
    """Return at most `most` of `count` rows, from the first to the last, each once."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _vectors(side: Rows, rows: IntArray) -> FloatArray:
    """Return (m, d), the vectors in (m,) rows."""
    return np.concatenate([side[0:0], *(side[row : row + 1] for row in rows)])
