"""Find which references images are copies of: any two sets of images, by an exact search.

Writes matches.csv (query, reference, rank, score, similarity, likely), matches.html, a page that
shows them and needs no other file, and references.h5, which makes the next match against the same
folder fast. Images that cannot be read are left out.
"""

import argparse
import os
import shlex
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.matching.matches import match
from iscqk.matching.page import write_page

EXAMPLE = "iscqk match photo.jpg scans --against photos --model results/submission_phase2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="files and folders")
    parser.add_argument(
        "--against", nargs="+", required=True, metavar="FOLDER",
        help="what may have been copied: folders and files, or a file that `iscqk describe` wrote",
    )  # fmt: skip
    parser.add_argument(
        "--model", type=Path, required=True, help="results/submission_..., or a run's folder"
    )
    parser.add_argument("--top", type=int, default=1, help="references of an image (default: 1)")
    parser.add_argument("--threshold", type=float, metavar="SCORE", help="leave out lower scores")
    parser.add_argument(
        "--output", type=Path, default=Path("matches"), metavar="DIR", help="(default: matches)"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="(default: all)")


def run(arguments: argparse.Namespace) -> None:
    """Write the table and the page, and print the best."""
    if arguments.top < 1:
        raise UserError(f"--top {arguments.top}: at least 1 is needed")
    folder = arguments.output
    matches = match(
        arguments.images,
        arguments.against,
        arguments.model,
        arguments.top,
        arguments.threshold,
        folder / "references.h5",
        arguments.threads,
    )
    facts = {"images": shlex.join(arguments.images), "against": shlex.join(arguments.against)}
    write_table(folder / "matches.csv", matches)
    write_page(folder / "matches.html", matches, {**facts, "model": str(arguments.model)})
    for row in matches.head(10).itertuples():
        print(f"{row.score:.3f}  {row.query}  {row.reference}")
    print(f"{len(matches)} matches: {folder}/matches.html, {folder}/matches.csv")
