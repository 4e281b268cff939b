"""Make the report of what lies under a folder of results: one HTML file that needs no network.

Its plots are written beside it, each as SVG with its data as CSV, in a folder of the file's name
without the ending. Only what is there is shown, and nothing is computed anew but the scores of
groups of queries. To be run where the workflow was run: manifests name images from there.
"""

import argparse
from pathlib import Path

from iscqk.formats.files import write_text
from iscqk.plan.results import Results
from iscqk.reporting.page import render
from iscqk.reporting.report_sections import whole_report
from iscqk.runtime.options import output_file

EXAMPLE = "iscqk report --results results --title 'my images' --output results/report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder to report on")
    parser.add_argument("--title", default="Image copy detection", help="of the page")
    parser.add_argument("--rules", type=Path, metavar="MERMAID", help="graph of the rules")
    parser.add_argument("--gallery", type=int, default=6, metavar="N", help="pairs of each kind")
    parser.add_argument(
        "--compare", metavar="FOLDER", default="",
        help="of other results: how scores and config differ from theirs",
    )  # fmt: skip
    parser.add_argument("--output", type=output_file, default="results/report.html")


def run(arguments: argparse.Namespace) -> None:
    """Write the page, its plots and their data."""
    rules = arguments.rules.read_text(encoding="utf-8") if arguments.rules else ""
    plots, results = arguments.output.with_suffix(""), Results(str(arguments.results))
    report = whole_report(
        results, plots, arguments.title, rules, arguments.gallery, arguments.compare
    )
    write_text(arguments.output, render(report))
