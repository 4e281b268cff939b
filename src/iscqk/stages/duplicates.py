"""Find the groups of copies in a folder, each image once, and which of a group is the largest.

That is the one of most pixels; of several, the one of most bytes. Writes duplicates.csv (group,
image, largest, same_file, width, height, similarity, chance, basis), the least sure groups first,
duplicates.html, a page that shows these and needs no other file, and references.h5, queries.h5 and
copies*.h5, by which the same command goes on after a stop. Images that cannot be read, files of
other kinds and folders that cannot be listed are left out: left_out.csv (path, why). The search is
exact; with --index it is by an index, and what that misses is told.
"""

import argparse
import shlex

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
from iscqk.matching.cache import Caches, is_new
from iscqk.matching.inputs import find_inputs
from iscqk.matching.left_out import FILE as LEFT_OUT
from iscqk.matching.left_out import write_left_out
from iscqk.runtime.imports import importing
from iscqk.runtime.logs import print_line
from iscqk.runtime.memory import keep_freed_memory
from iscqk.runtime.options import output_folder

EXAMPLE = "iscqk duplicates photos --model results/submission_phase2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "images",
        nargs="+",
        metavar="FOLDER",
        help="folders and files, or files that `iscqk describe` wrote",
    )
    add_exclude(parser)
    add_model(parser)
    add_orientations(parser)
    add_index(parser)
    parser.add_argument(
        "--output", type=output_folder, default="duplicates", metavar="DIR",
        help="(default: duplicates)",
    )  # fmt: skip
    add_threads(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the table and the page, and print the first groups."""
    keep_freed_memory()
    names = ("duplicates.csv", "duplicates.html", LEFT_OUT)
    table, page, left_out = (arguments.output / name for name in names)
    caches = Caches.of(arguments.output)
    for path in (table, page, left_out):
        refuse_unwritable(path)
    caches.check()
    with exclusive(table):
        inputs = find_inputs(arguments.images, arguments.exclude)
        new = inputs.images if is_new(caches.references) else []
        ahead = read_ahead(arguments.model, new, arguments.threads)
        with importing():
            from iscqk.matching.duplicates import find_duplicates
            from iscqk.matching.looking_up import How
            from iscqk.matching.match_page import write_groups
            from iscqk.matching.model import Model
            from iscqk.matching.telling import (
                first_groups,
                last_line,
                searched,
                short,
                summary_of_groups,
            )
            from iscqk.models.device import set_threads

        set_threads(arguments.threads)
        model = Model.load(arguments.model, arguments.threads, ahead)
        how = How(caches, arguments.threads, arguments.orientations, arguments.index)
        found = find_duplicates(inputs, model, how)
        write_table(table, found.table.assign(image=found.table["image"].map(utf8)))
        write_left_out(left_out, found.left_out)
        facts = {
            "images": printable(shlex.join(arguments.images)),
            "model": printable(arguments.model or "the ready model"),
        }
        write_groups(page, found, facts | searched(found.recall))
    for line in first_groups(found.table):
        print_line(line)
    print_line(last_line(summary_of_groups(found), found.left_out))
    print_line(f"basis: {found.basis.told()}")
    for name, what in searched(found.recall).items():
        print_line(f"{name}: {what}")
    print_line(f"{short(str(page))}, {short(str(table))}")
