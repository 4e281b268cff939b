"""Find which reference images are copies of: any two sets of images, by an exact search.

Writes matches.csv (query, reference, rank, score, similarity, likely), matches.html, a page that
shows them and needs no other file, and references.h5 and images.h5, which make the next match of
the same folders fast, and go on with one that was stopped. Images that cannot be read are left out.
"""

import argparse
import os
import shlex
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.formats.files import exclusive, printable, refuse_unwritable, utf8
from iscqk.matching.match_page import write_page
from iscqk.matching.matches import match

EXAMPLE = "iscqk match photo.jpg scans --against photos --model results/submission_phase2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE",
        help="files and folders, or files that `iscqk describe --side queries` wrote",
    )  # fmt: skip
    parser.add_argument(
        "--against", nargs="+", action="extend", required=True, metavar="FOLDER",
        help="what may have been copied: folders, files, and files that `iscqk describe` wrote",
    )  # fmt: skip
    parser.add_argument(
        "--model", type=Path, metavar="DIR",
        help="results/submission_..., or a run's folder (default: the ready model)",
    )  # fmt: skip
    parser.add_argument("--top", type=int, default=1, help="references of an image (default: 1)")
    parser.add_argument("--threshold", type=float, metavar="SCORE", help="leave out lower scores")
    parser.add_argument(
        "--output", type=Path, default=Path("matches"), metavar="DIR", help="(default: matches)"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="(default: all)")


def run(arguments: argparse.Namespace) -> None:
    """Write the table and the page, and print the best."""
    if not arguments.images:
        raise UserError(
            "no IMAGE is named: --against takes all that follows it; name images before it, as in "
            f"`{EXAMPLE}`"
        )
    folder = arguments.output
    names = ("matches.csv", "matches.html", "references.h5", "images.h5")
    table, page, references, images = (folder / name for name in names)
    for path in (table, page, references, images):
        refuse_unwritable(path)
    with exclusive(table):
        matches = match(
            arguments.images,
            arguments.against,
            arguments.model,
            arguments.top,
            arguments.threshold,
            references,
            arguments.threads,
            images,
        )
        facts = {name: utf8(shlex.join(getattr(arguments, name))) for name in ("images", "against")}
        text = {name: matches[name].map(utf8) for name in ("query", "reference")}
        write_table(table, matches.assign(**text))
        write_page(page, matches, {**facts, "model": utf8(arguments.model or "the ready model")})
    best = matches.head(10)
    for score, *pair in zip(best["score"], best["query"], best["reference"], strict=True):
        print(f"{score:.3f}  {'  '.join(map(printable, pair))}")
    print(f"{len(matches)} matches: {printable(page)}, {printable(table)}")
