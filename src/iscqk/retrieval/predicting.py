"""From a submission to its predictions: the search, in the challenge's words."""

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray
from iscqk.formats.predictions import Predictions
from iscqk.formats.submission import Submission, fault_of_scale
from iscqk.retrieval.search import NotFinite, global_search


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
    ids = {"query": submission.query_ids[rows], "reference": submission.reference_ids[first:last]}
    try:
        found = global_search(queries, references, max_results, threads)
    except NotFinite as error:
        name = ids[error.side][error.row]
        what = "holds NaN or infinity; describe it again"
        raise UserError(f"{submission.path}: {name} {what}") from error
    except UserError as error:
        raise UserError(f"{submission.path}: {error}") from error
    if fault := fault_of_scale(found.squared_distance.max(initial=0)):
        raise UserError(f"{submission.path}: {fault}")
    return Predictions(
        ids["query"][found.query_index],
        ids["reference"][found.reference_index],
        -found.squared_distance,
    )
