"""Tell what a rehearsal took and found: time and memory of each rule, micro-AP, peers.

Fails where micro-AP is not the one that was planted.
"""

import argparse
from pathlib import Path

import pandas as pd

from iscqk.comparison.run_tables import as_markdown, micro_ap
from iscqk.errors import UserError
from iscqk.formats.files import write_text
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
    planted, scored = micro_ap(arguments.expected), micro_ap(arguments.score)
    if abs(planted - scored) > _AGREEMENT:
        raise UserError(
            f"{arguments.score}: micro-AP is {scored}, planted was {planted}; "
            "the search or the scoring is wrong"
        )
    usage = pd.DataFrame([_usage(*item.split("=", 1)) for item in arguments.usage])
    found = f"micro-AP {scored!r}, planted {planted!r}\n"
    search_speed = pd.read_csv(arguments.search_speed)
    write_text(arguments.output, f"{found}\n{as_markdown(usage)}\n{as_markdown(search_speed)}")


def _usage(rule: str, path: str) -> dict[str, object]:
    """Return a rule's wall-clock seconds and resident memory."""
    measured = pd.read_csv(path, sep="\t").iloc[0]
    peak = pd.to_numeric(measured["max_rss"], errors="coerce")
    return {"rule": rule, "seconds": float(measured["s"]), "peak_mb": float(peak)}
