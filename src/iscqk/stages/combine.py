"""Make one list of what searches of parts of the references found: the best of all, best first.

Equal scores rank by rows of the submission, as in a search; without --file by ids. With it a list
that lacks what a search of all would find is refused, as one part that was forgotten leaves it.
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
from iscqk.runtime.options import output_file
from iscqk.schema.options import value_of
from iscqk.settings.search import Search
from iscqk.submission.consistency import refuse_other_predictions, refuse_part_of_predictions

_Part = tuple[Path, Predictions]

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
    parser.add_argument(
        "--max-results",
        type=value_of(Search, "max_results"),
        default=Search.max_results,
        metavar="N",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the list; one part at a time is in memory beside it."""
    with open_submission(arguments.file) if arguments.file else nullcontext() as submission:
        parts = _parts(arguments.parts, submission)
        combined = combine(parts, arguments.max_results, submission)
        if submission is not None:
            _refuse_forgotten(arguments.parts, combined, submission, arguments.max_results)
    write_predictions(arguments.output, combined)


def _parts(paths: Iterable[Path], submission: Submission | None) -> Iterator[_Part]:
    """Yield the parts, and refuse one that is not of the submission, where there is one."""
    for path in paths:
        predictions = read_predictions(path)
        if submission is not None:
            refuse_other_predictions(path, predictions, submission)
        yield path, predictions


def _refuse_forgotten(
    paths: list[Path], combined: Predictions, submission: Submission, max_results: int
) -> None:
    """Refuse what is not all that a search of the whole submission finds."""
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} to {paths[-1]}, together"
    remedy = "name the lists of all parts, each made with the same --max-results"
    refuse_part_of_predictions(name, combined, submission, max_results, remedy)
