"""Tell what a rehearsal took and found: time and memory of each rule, micro-AP, baselines.

Fails where micro-AP is not the one that was planted.
"""

import argparse
from pathlib import Path

import pandas as pd

from iscqk.comparison.run_tables import as_markdown, read_usage, scored
from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_whole_table
from iscqk.formats.files import write_text
from iscqk.formats.named_files import named_files
from iscqk.runtime.options import output_file

_AGREEMENT = 1e-9  # of micro-AP

EXAMPLE = r"""iscqk rehearsed --usage search=search.tsv score=score.tsv \
    --expected phase/expected.json --score score.json --search-speed search.csv \
    --output table.md"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "--usage", nargs="+", required=True, metavar="RULE=TSV", help="Snakemake's benchmarks"
    )
    parser.add_argument("--expected", type=Path, required=True, help="of `iscqk synthesize-phase`")
    parser.add_argument("--score", type=Path, required=True, help="of `iscqk score`")
    parser.add_argument(
        "--search-speed", type=Path, required=True, help="of `iscqk benchmark-search`"
    )
    parser.add_argument("--output", type=output_file, required=True, help="table, Markdown")


def run(arguments: argparse.Namespace) -> None:
    """Check the score and write the table."""
    planted, found = scored(arguments.expected, "micro_ap"), scored(arguments.score, "micro_ap")
    if abs(planted - found) > _AGREEMENT:
        raise UserError(
            f"{arguments.score}: micro-AP is {found}, planted was {planted}; "
            "the search or the scoring is wrong"
        )
    usage = pd.DataFrame([_usage(*item) for item in named_files(arguments.usage).items()])
    said = f"micro-AP {found!r}, planted {planted!r}\n"
    search_speed = read_whole_table(arguments.search_speed)
    write_text(arguments.output, f"{said}\n{as_markdown(usage)}\n{as_markdown(search_speed)}")


def _usage(rule: str, path: str) -> dict[str, object]:
    """Return a rule's wall-clock seconds and resident memory."""
    measured = read_usage(path).iloc[0]
    peak = pd.to_numeric(measured["max_rss"], errors="coerce")
    return {"rule": rule, "seconds": float(measured["s"]), "peak_mb": float(peak)}
