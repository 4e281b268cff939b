"""Show the benchmarks' CSV files as one page of Markdown tables."""

import argparse
from pathlib import Path

from iscqk.comparison.run_tables import as_markdown
from iscqk.formats.csv_tables import read_whole_table
from iscqk.formats.files import write_text
from iscqk.runtime.options import output_file

EXAMPLE = "iscqk benchmark-table --tables timed/loss.csv timed/images.csv --output table.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--tables", type=Path, nargs="+", metavar="CSV", required=True)
    parser.add_argument("--output", type=output_file, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Write the page, each table under its file's name."""
    pages = (f"{path.stem}\n\n{as_markdown(read_whole_table(path))}" for path in arguments.tables)
    write_text(arguments.output, "\n".join(pages))
