"""Predictions that are of a part of a submission alone are told."""

import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.formats.ids import QUERY, REFERENCE
from iscqk.formats.submission import open_submission, write_submission
from iscqk.retrieval.predicting import predict
from iscqk.submission.consistency import _SEARCHED, _evenly, refuse_part_of_predictions


def test_queries_of_the_pairs_are_searched_beside_those_among_all(tmp_path):
    """Those among all may be of nothing, as most queries of the challenge are."""
    queries = np.arange(40, dtype=np.float32)[:, None]
    queries[_evenly(40, _SEARCHED)] = 999
    sides = [
        (len(rows), [([*map(form.make, range(len(rows)))], rows)])
        for form, rows in ((QUERY, queries), (REFERENCE, queries[1:3] // 999))
    ]
    write_submission(tmp_path / "s.h5", 1, *sides)
    with open_submission(tmp_path / "s.h5") as file:
        found = predict(file, 5)
        refuse_part_of_predictions("p", found.at(np.arange(4)), file, 4)
        with pytest.raises(UserError, match="p: without Q00001,R000001, which is nearer"):
            refuse_part_of_predictions("p", found.at(np.arange(1, 5)), file, 4)
