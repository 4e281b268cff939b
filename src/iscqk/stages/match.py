"""Find which reference images are copies of: any two sets of images.

Writes matches.csv (query, reference, rank, score, similarity, chance, likely, basis), matches.html,
a page that shows them and needs no other file, and references.h5, queries.h5 and copies*.h5, which
make the next look at the same folders fast, and go on with one that was stopped; what is known of
other images stays in folders beside these. Images that cannot be read, files of other kinds and
folders that cannot be listed are left out: left_out.csv (path, why). The search is exact; with
--index it is by an index, which is kept too (references.*.faiss), and what that misses is told.
"""

import argparse
import shlex

from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.formats.files import exclusive, printable, refuse_unwritable, utf8
from iscqk.matching.arguments import (
    add_exclude,
    add_index,
    add_model,
    add_orientations,
    add_threads,
)
from iscqk.matching.beginning import read_ahead
from iscqk.matching.cache import Caches
from iscqk.matching.inputs import find_both_inputs
from iscqk.matching.left_out import FILE as LEFT_OUT
from iscqk.matching.left_out import write_left_out
from iscqk.runtime.imports import importing
from iscqk.runtime.logs import print_line
from iscqk.runtime.memory import keep_freed_memory
from iscqk.runtime.options import count, output_folder

EXAMPLE = "iscqk match photo.jpg scans --against photos --model results/submission_phase2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE",
        help="files and folders, or files that `iscqk describe --side queries` wrote",
    )  # fmt: skip
    parser.add_argument(
        "--against", nargs="+", required=True, metavar="FOLDER",
        help="what may have been copied: folders, files, and files that `iscqk describe` wrote",
    )  # fmt: skip
    add_exclude(parser)
    add_model(parser)
    parser.add_argument("--top", type=count, default=1, help="references of an image (default: 1)")
    parser.add_argument("--threshold", type=float, metavar="SCORE", help="leave out lower scores")
    add_orientations(parser)
    add_index(parser)
    parser.add_argument(
        "--output", type=output_folder, default="matches", metavar="DIR", help="(default: matches)"
    )
    add_threads(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the table and the page, and print the best."""
    if not arguments.images:
        raise UserError(
            "no IMAGE is named: --against takes all that follows it; name images before it, as in "
            f"`{EXAMPLE}`"
        )
    keep_freed_memory()
    names = ("matches.csv", "matches.html", LEFT_OUT)
    table, page, left_out = (arguments.output / name for name in names)
    caches = Caches.of(arguments.output)
    for path in (table, page, left_out):
        refuse_unwritable(path)
    caches.check()
    with exclusive(table):
        inputs = find_both_inputs(arguments.images, arguments.against, arguments.exclude)
        ahead = read_ahead(arguments.model, caches.new_images(*inputs), arguments.threads)
        with importing():
            from iscqk.matching.looking_up import How
            from iscqk.matching.match_page import write_page
            from iscqk.matching.matches import find_matches
            from iscqk.matching.model import Model
            from iscqk.matching.telling import best_pairs, last_line, searched, short, summary
            from iscqk.models.device import set_threads

        set_threads(arguments.threads)
        model = Model.load(arguments.model, arguments.threads, ahead)
        how = How(caches, arguments.threads, arguments.orientations, arguments.index)
        found = find_matches(*inputs, model, how, arguments.top, arguments.threshold)
        facts = {
            name: printable(shlex.join(getattr(arguments, name))) for name in ("images", "against")
        }
        text = {name: found.table[name].map(utf8) for name in ("query", "reference")}
        write_table(table, found.table.assign(**text))
        write_left_out(left_out, found.left_out)
        facts["model"] = printable(arguments.model or "the ready model")
        write_page(page, found, facts | searched(found.recall))
    for line in best_pairs(found.table):
        print_line(line)
    print_line(last_line(summary(found), found.left_out))
    print_line(f"basis of likely: {found.basis.told()}")
    for name, what in searched(found.recall).items():
        print_line(f"{name}: {what}")
    print_line(f"{short(str(page))}, {short(str(table))}")
