"""Check a submission file as the challenge platform did, and tell everything that is wrong.

Ids complete (against the manifests given), unique, ascending, of the right form and phase; vectors
float32, finite, of one dimension up to 256, one for each id, and not all the same. Exit status 1
when it is not valid. Descriptors that are nearly alike are a warning, and fewer images than a phase
has where no manifest says which there are.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_listed_ids
from iscqk.formats.files import unchanged, write_text
from iscqk.formats.ids import QUERIES_PER_PHASE, REFERENCE
from iscqk.formats.phases import PHASES
from iscqk.runtime.logs import print_line
from iscqk.runtime.options import output_file
from iscqk.runtime.wording import counted
from iscqk.submission.validation import LISTED, Report, validate_submission

_PROBLEMS_PRINTED = 100

EXAMPLE = "iscqk validate descriptors.h5 --phase phase2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("file", type=Path, help="submission, HDF5")
    manifest = "CSV whose first column `id` lists the {} that must be there"
    parser.add_argument("--queries", type=Path, help=manifest.format("queries"))
    parser.add_argument("--references", type=Path, help=manifest.format("references"))
    parser.add_argument("--phase", choices=PHASES, help="of the queries (default: any one)")
    parser.add_argument("--output", type=output_file, metavar="JSON", help="write the full report")


def run(arguments: argparse.Namespace) -> None:
    """Check, print what is wrong, write the report."""
    lists = (arguments.queries, arguments.references)
    queries, references = (None if path is None else read_listed_ids(path) for path in lists)
    # what is no file is a problem that the report tells
    still = unchanged(arguments.file) if arguments.file.is_file() else nullcontext()
    with still as digest:
        report = validate_submission(arguments.file, queries, references, arguments.phase)
    if report.valid:
        report = replace(report, warnings=(*report.warnings, *_left_out(report, arguments)))
    if arguments.output is not None:
        facts = {**report.as_dict(), "validated_sha256": digest}
        write_text(arguments.output, json.dumps(facts, indent=2) + "\n")
    _print(report, arguments.file)
    if not report.valid:
        count = counted(report.count, "problem")
        raise UserError(f"{arguments.file}: not valid, {count}; correct what is told above")


def _left_out(report: Report, arguments: argparse.Namespace) -> Iterator[str]:
    """Yield that a phase of the challenge has more images, where no list says which there are."""
    for name, whole in (("queries", QUERIES_PER_PHASE), ("references", 10**REFERENCE.digits)):
        count = getattr(report, name)
        if getattr(arguments, name) is None and count < whole:
            what = f"{count} of the {whole} of a phase of the challenge"
            yield f"{name}: {what}; where there are no more, list them by --{name}"


def _print(report: Report, path: Path) -> None:
    for warning in report.warnings:
        print_line(f"warning: {warning}")
    printed = report.problems[:_PROBLEMS_PRINTED]
    for problem in printed:
        print_line(str(problem))
    if more := report.count - sum(problem.count for problem in printed):
        print_line(f"... and {more} more; --output writes up to {LISTED:,} of a kind")
    if report.valid:
        print_line(
            f"{path}: valid, {report.queries} queries of {report.phase} and {report.references} "
            f"references in {report.dimension} dimensions"
        )
