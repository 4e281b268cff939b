"""Make one list of what searches of parts of the references found: the best of all, best first."""

import argparse
from pathlib import Path

from iscqk.formats.predictions import MAX_PREDICTIONS, read_predictions, write_predictions
from iscqk.retrieval.combining import combine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("parts", type=Path, nargs="+", help="predictions, CSV, of each part")
    parser.add_argument("--output", type=Path, required=True, help="predictions, CSV")
    parser.add_argument("--max-results", type=int, default=MAX_PREDICTIONS, metavar="N")


def run(arguments: argparse.Namespace) -> None:
    """Write the list; one part at a time is in memory beside it."""
    parts = (read_predictions(path) for path in arguments.parts)
    write_predictions(arguments.output, combine(parts, arguments.max_results))
