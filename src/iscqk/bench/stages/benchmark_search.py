"""Time search and scoring beside baselines: a slice of a submission's search, all of its score.

The slice keeps the proportion of pairs to results. Our search is timed on all pairs too, and
what the others would take for them is told by the slice, since they look at every pair alike; ours
does not, as it begins without a cut. Writes a table and checks that all ways agree.
"""

import argparse
from pathlib import Path

import pandas as pd

from iscqk.bench.search_speed import OURS, Contenders, Timed, compare, rates, scorings, searches
from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.formats.ground_truth import GroundTruth, read_ground_truth
from iscqk.formats.predictions import Predictions, read_predictions
from iscqk.formats.submission import Submission, open_submission
from iscqk.retrieval.metrics import judge, micro_average_precision
from iscqk.retrieval.search import Pairs, global_search
from iscqk.runtime.options import at_once, count, output_file
from iscqk.settings.rehearsal import Rehearsal

_AGREEMENT = 1e-9  # of micro-AP

EXAMPLE = r"""iscqk benchmark-search descriptors.h5 predictions.csv ground_truth.csv --queries 500 \
    --references 10000 --output search.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("file", type=Path, help="submission, HDF5")
    parser.add_argument("predictions", type=Path, help="its predictions, CSV")
    parser.add_argument("ground_truth", type=Path)
    parser.add_argument("--queries", type=count, required=True, help="in the slice")
    parser.add_argument("--references", type=count, required=True, help="in the slice")
    parser.add_argument("--repeats", type=count, default=Rehearsal.repeats)
    parser.add_argument("--output", type=output_file, required=True, help="CSV")
    parser.add_argument("--threads", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Measure and write the table."""
    predictions = read_predictions(arguments.predictions)
    ground_truth = read_ground_truth(arguments.ground_truth)
    with open_submission(arguments.file) as submission:
        found = _search_slice(submission, ground_truth, len(predictions), arguments)
    scored = compare(scorings(predictions, ground_truth), arguments.repeats)
    values = {name: float(one.found) for name, one in scored.items()}
    tables = [found, _table("scoring", scored, "iscqk score", values)]
    write_table(arguments.output, pd.concat(tables))


def _search_slice(
    submission: Submission, ground_truth: GroundTruth, most: int, arguments: argparse.Namespace
) -> pd.DataFrame:
    """Return what each search of the first queries and references takes, and its micro-AP."""
    queries = submission.query[: arguments.queries]
    references = submission.reference[: arguments.references]
    share = len(queries) * len(references) / (len(submission.query) * len(submission.reference))
    results = max(1, int(most * share))
    timed = compare(searches(queries, references, results, arguments.threads), arguments.repeats)
    truth = ground_truth.among(
        submission.query_ids[: len(queries)], submission.reference_ids[: len(references)]
    )
    ours: Contenders = {OURS: lambda: _search_all(submission, most, arguments.threads)}
    whole = compare(ours, arguments.repeats)[OURS].seconds
    values = {
        name: micro_average_precision(judge(_predictions(submission, one.found), truth))
        for name, one in timed.items()
        if isinstance(one.found, Pairs)
    }
    table = _table("search", timed, OURS, values)
    table["all_pairs_seconds"] = (table["seconds"] / share).where(table["way"] != OURS, whole)
    table["all_pairs_times_ours"] = table["all_pairs_seconds"] / whole
    return table


def _search_all(submission: Submission, most: int, threads: int) -> Pairs:
    queries = submission.query[: len(submission.query)]
    return global_search(queries, submission.reference, most, threads)


def _predictions(submission: Submission, found: Pairs) -> Predictions:
    return Predictions(
        submission.query_ids[found.query_index],
        submission.reference_ids[found.reference_index],
        -found.squared_distance,
    )


def _table(
    task: str, timed: dict[str, Timed], ours: str, micro_ap: dict[str, float]
) -> pd.DataFrame:
    """Return a row for each way; UserError where two do not agree."""
    if max(micro_ap.values()) - min(micro_ap.values()) > _AGREEMENT:
        raise UserError(f"{task}: micro-AP differs: {micro_ap}; one of the ways is wrong")
    rows = [
        {"task": task, **row, "micro_ap": micro_ap.get(name)}
        for name, row in zip(timed, rates(timed, ours), strict=True)
    ]
    return pd.DataFrame(rows)
