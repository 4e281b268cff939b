"""Make the report of what lies under a folder of results: one HTML file that needs no network.

It carries the data of its plots and tables as CSV; a ZIP file beside it has these, too, and the
plots as SVG. Only what is there is shown, and nothing is computed anew but the scores of groups of
queries. To be run where the workflow was run: manifests name images from there.
"""

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from iscqk.errors import UserError
from iscqk.formats.files import atomic_file, write_text
from iscqk.formats.named_files import read_text
from iscqk.formats.results import Results
from iscqk.reporting.page import render
from iscqk.reporting.report_sections import whole_report
from iscqk.runtime.options import output_file

EXAMPLE = "iscqk report --results results --title 'my images' --output results/report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "--results", type=Path, default=Path(Results().root), help="folder to report on"
    )
    parser.add_argument("--title", default="Image copy detection", help="of the page")
    parser.add_argument("--rules", type=Path, metavar="MERMAID", help="graph of the rules")
    parser.add_argument("--gallery", type=int, default=6, metavar="N", help="pairs of each kind")
    parser.add_argument(
        "--compare", metavar="FOLDER", default="",
        help="of other results: how scores and config differ from theirs",
    )  # fmt: skip
    parser.add_argument("--output", type=output_file, default=Results().report, metavar="HTML")
    parser.add_argument(
        "--plots", type=output_file, metavar="ZIP", help="beside the page if not given"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the page, its plots and their data."""
    archive = arguments.plots or arguments.output.with_suffix(".zip")
    if archive == arguments.output:
        raise UserError(f"{archive}: the plots would be written over; name a page, as report.html")
    rules = read_text(arguments.rules) if arguments.rules else ""
    results = Results(str(arguments.results))
    with TemporaryDirectory() as folder, TemporaryDirectory() as beside:
        plots = Path(folder, arguments.output.stem)
        report = whole_report(
            results, plots, arguments.title, rules, arguments.gallery, arguments.compare
        )
        made = shutil.make_archive(f"{beside}/plots", "zip", folder)  # of this ending, always
        with atomic_file(archive) as temporary:
            shutil.copyfile(made, temporary)
    write_text(arguments.output, render(report))
