"""Find the references that images are copies of, between any two sets of images.

Writes matches.csv (query, reference, rank, score, similarity, chance, likely, basis), matches.html,
a page that shows them and needs no other file, and references.h5, queries.h5 and copies*.h5, which
make the next call on the same folders fast and let a stopped one go on; what is known of other
images stays in folders beside these. Images that cannot be read, files of other kinds and folders
that cannot be listed are left out: left_out.csv (path, why). The search is exact; with --index it
is by an index, which is kept too (references.*.faiss), and what that misses is told.
"""

import argparse

from iscqk.errors import UserError
from iscqk.matching.inputs import find_both_inputs
from iscqk.runtime.imports import importing
from iscqk.runtime.options import count, output_folder
from iscqk.stages.shared.own_image_options import (
    add_exclude,
    add_index,
    add_model,
    add_orientations,
    add_threads,
)
from iscqk.stages.shared.own_images import asked, loaded_model, output_of, tell

EXAMPLE = "iscqk match photo.jpg scans --against photos"


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
    with output_of(arguments.output, "matches") as output:
        inputs = find_both_inputs(arguments.images, arguments.against, arguments.exclude)
        model = loaded_model(arguments, output.caches.new_images(*inputs))
        with importing():
            from iscqk.matching.looking_up import How
            from iscqk.matching.match_page import write_page
            from iscqk.matching.matches import find_matches
            from iscqk.matching.telling import best_pairs, summary

        how = How(output.caches, arguments.threads, arguments.orientations, arguments.index)
        found = find_matches(*inputs, model, how, arguments.top, arguments.threshold)
        output.write_tables(found, ["query", "reference"])
        write_page(output.page, found, asked(arguments, "images", "against"))
    tell(output, found, best_pairs(found.table), summary(found), "basis of likely")
