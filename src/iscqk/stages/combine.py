"""Make one list of what searches of parts of the references found: the best of all, best first.

Equal scores rank by rows of the submission, as in a search; without --file by ids.
"""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

from iscqk.formats.predictions import (
    Predictions,
    read_predictions,
    write_predictions,
)
from iscqk.formats.submission import Submission, open_submission
from iscqk.retrieval.combining import combine
from iscqk.runtime.options import count, output_file
from iscqk.settings.search import Search
from iscqk.submission.consistency import refuse_other_predictions

EXAMPLE = "iscqk combine predictions-0.csv predictions-1.csv --output predictions.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("parts", type=Path, nargs="+", help="predictions, CSV, of each part")
    parser.add_argument(
        "--file",
        type=Path,
        help="submission, HDF5, that was searched; its order ranks equal scores",
    )
    parser.add_argument("--output", type=output_file, required=True, help="predictions, CSV")
    parser.add_argument("--max-results", type=count, default=Search.max_results, metavar="N")


def run(arguments: argparse.Namespace) -> None:
    """Write the list; one part at a time is in memory beside it."""
    with open_submission(arguments.file) if arguments.file else nullcontext() as submission:
        parts = _parts(arguments.parts, submission)
        combined = combine(parts, arguments.max_results, submission)
    write_predictions(arguments.output, combined)


def _parts(paths: Iterable[Path], submission: Submission | None) -> Iterator[Predictions]:
    """Yield the parts, and refuse one that is not of the submission, where there is one."""
    for path in paths:
        predictions = read_predictions(path)
        if submission is not None:
            refuse_other_predictions(path, predictions, submission)
        yield predictions
