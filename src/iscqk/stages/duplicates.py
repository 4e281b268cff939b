"""Find the groups of copies in a folder, each image once, and which of a group is the largest.

That is the one of most pixels; of several, the one of most bytes. Writes duplicates.csv (group,
image, largest, same_file, width, height, similarity, chance, basis), the least sure groups first,
duplicates.html, a page that shows these and needs no other file, and references.h5, queries.h5 and
copies*.h5, by which the same command goes on after a stop. Images that cannot be read, files of
other kinds and folders that cannot be listed are left out: left_out.csv (path, why). The search is
exact; with --index it is by an index, and what that misses is told.
"""

import argparse

from iscqk.matching.cache import is_new
from iscqk.matching.inputs import find_inputs
from iscqk.runtime.imports import importing
from iscqk.runtime.options import output_folder
from iscqk.stages.shared.own_image_options import (
    add_exclude,
    add_index,
    add_model,
    add_orientations,
    add_threads,
)
from iscqk.stages.shared.own_images import asked, loaded_model, output_of, tell

EXAMPLE = "iscqk duplicates photos"


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
    with output_of(arguments.output, "duplicates") as output:
        inputs = find_inputs(arguments.images, arguments.exclude)
        new = inputs.images if is_new(output.caches.references) else []
        model = loaded_model(arguments, new)
        with importing():
            from iscqk.matching.duplicates import find_duplicates
            from iscqk.matching.looking_up import How
            from iscqk.matching.match_page import write_groups
            from iscqk.matching.telling import first_groups, summary_of_groups

        how = How(output.caches, arguments.threads, arguments.orientations, arguments.index)
        found = find_duplicates(inputs, model, how)
        output.write_tables(found, ["image"])
        write_groups(output.page, found, asked(arguments, "images"))
    tell(output, found, first_groups(found.table), summary_of_groups(found))
