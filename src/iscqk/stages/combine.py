"""Make one list of what searches of parts of the references found: the best of all, best first."""

import argparse
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from iscqk.formats.predictions import (
    Predictions,
    read_predictions,
    write_predictions,
)
from iscqk.formats.submission import open_submission
from iscqk.retrieval.combining import combine
from iscqk.runtime.options import count, output_file
from iscqk.settings.search import Search
from iscqk.submission.consistency import refuse_other_predictions

EXAMPLE = "iscqk combine predictions-0.csv predictions-1.csv --output predictions.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("parts", type=Path, nargs="+", help="predictions, CSV, of each part")
    parser.add_argument("--file", type=Path, help="submission, HDF5, that was searched")
    parser.add_argument("--output", type=output_file, required=True, help="predictions, CSV")
    parser.add_argument("--max-results", type=count, default=Search.max_results, metavar="N")


def run(arguments: argparse.Namespace) -> None:
    """Write the list; one part at a time is in memory beside it."""
    combined = combine(_parts(arguments), arguments.max_results)
    write_predictions(arguments.output, combined)


def _parts(arguments: argparse.Namespace) -> Iterator[Predictions]:
    """Yield the parts, and refuse one that is not of the file, where it is named."""
    with open_submission(arguments.file) if arguments.file else nullcontext() as submission:
        for path in arguments.parts:
            predictions = read_predictions(path)
            if submission is not None:
                refuse_other_predictions(path, predictions, submission)
            yield predictions
