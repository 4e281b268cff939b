"""Whether predictions are those of a submission: a CSV cannot say itself what it was made from."""

from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.ids import StrArray
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
    sample = np.unique(np.linspace(0, len(predictions) - 1, _MEASURED).astype(np.int64))
    some = predictions.at(sample[sample >= 0])
    rows = [
        _rows(some.query_ids, submission.query_ids),
        _rows(some.reference_ids, submission.reference_ids),
    ]
    unknown = (rows[0] < 0) | (rows[1] < 0)
    vectors = [
        np.concatenate([side[row : row + 1] for row in np.maximum(numbers, 0)] or [side[0:0]])
        for side, numbers in zip((submission.query, submission.reference), rows, strict=True)
    ]
    distances = squared_distances(*vectors)
    wrong = unknown | ~np.isclose(-some.scores, distances, rtol=_TOLERANCE, atol=0)
    if wrong.any():
        at = int(np.argmax(wrong))
        pair = f"{some.query_ids[at]},{some.reference_ids[at]}"
        raise UserError(
            f"{path}: {pair} is no pair of {submission.path} at that distance; these are the "
            "predictions of another file, search this one again"
        )


def _rows(names: StrArray, ids: StrArray) -> np.ndarray:
    """Return in which of the rows of unique ids each name is, -1 where in none."""
    order = np.argsort(ids)
    at = np.minimum(np.searchsorted(ids, names, sorter=order), len(ids) - 1)
    return np.where(ids[order[at]] == names, order[at], -1)
