"""Make a manifest of every split: id, path, sha256, width and height of each image.

Images lie in folders, which are searched recursively, links too, or in plain .tar files. Those
named by official ids (T000000.jpg, R000000.jpg) keep them, the others get the free ones. Every
image is decoded once. Those that cannot be read are told all at once, together with those among the
queries that there are; or, by quarantine, they are listed: references keep their id, with a size of
0, the others are left out. A training image that is also a reference or a query is refused or, by
quarantine, left out and listed, too; one that is named as one is refused. Of a split with a list
file only the images in it count, and none of them may be missing.
Of the challenge's own, an image that no id names is refused, and ids of no image are told.
Too few images for the queries that will be made of them, or to hold some out of a training, are
told before any is decoded, those of which there are too few of a content of their own after.
"""

import argparse
from pathlib import Path

import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.formats.ground_truth import NO_IMAGE, read_ground_truth, refuse_no_pair
from iscqk.formats.manifest import COLUMNS, write_manifest
from iscqk.formats.named_files import named_files
from iscqk.formats.phases import PHASES
from iscqk.formats.results import SPLITS
from iscqk.images import quarantine
from iscqk.images.finding import find_images
from iscqk.images.ingestion import (
    LEAVE_OUT,
    SPLIT_IDS,
    copied_others,
    ids_for_truth,
    listing_of,
    overlaps,
    refuse_graded,
    without_shared,
)
from iscqk.images.official_names import check_official
from iscqk.images.sources import of_own_content
from iscqk.plan.held_out import HeldOut, refuse_too_few
from iscqk.runtime.options import output_file
from iscqk.settings.queries import ADD_UNLIKE, Queries, refuse_impossible
from iscqk.stages.shared.quarantine import add_quarantine_options

_CALLED = {"others": "sources of queries"}

EXAMPLE = r"""iscqk prepare --training pictures/training --references pictures/references \
    --others pictures/others \
    --output training.csv references.csv others.csv quarantined.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", nargs="+", metavar="PATH", required=True)
    parser.add_argument("--references", nargs="+", metavar="PATH", required=True)
    parser.add_argument(
        "--others", nargs="*", metavar="PATH", default=[],
        help="sources of distractor queries",
    )  # fmt: skip
    for phase in PHASES:
        parser.add_argument(
            f"--{phase}", nargs="*", metavar="PATH", default=[],
            help="queries to look at, too, so that all bad images are told at once",
        )  # fmt: skip
    parser.add_argument(
        "--lists", nargs="*", metavar="SPLIT=FILE", default=[],
        help="an image's name in each line",
    )  # fmt: skip
    parser.add_argument(
        "--ground-truths", nargs="*", metavar="PHASE=CSV", default=[],
        help="of these queries, to be told with all else if it is of others",
    )  # fmt: skip
    parser.add_argument(
        "--make", nargs="*", choices=PHASES, default=[],
        help="phases whose queries will be made, for which there must be images enough",
    )  # fmt: skip
    parser.add_argument(
        "--queries", type=Queries.parse, default="{}", metavar="JSON", help="how, their section"
    )
    parser.add_argument(
        "--hold-out", type=HeldOut.parse, nargs="*", metavar="METHOD=NUMBER", default=[],
        help="training images that it will not learn from, of which some must be left",
    )  # fmt: skip
    add_quarantine_options(parser)
    parser.add_argument(
        "--output", type=output_file, nargs=4, required=True,
        metavar=("TRAINING", "REFERENCES", "OTHERS", "BAD"),
        help="their manifests, and the images that were set aside, CSV",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Write the manifests, and the list of images that were set aside."""
    *manifests, bad = arguments.output
    if arguments.queries.given and not arguments.make:
        raise UserError("--queries: of the phases that --make names; name them, or leave it out")
    names = *SPLITS, *PHASES
    lists = named_files(arguments.lists, names)
    paths = {name: _paths(name, getattr(arguments, name), lists.get(name)) for name in names}
    for name in filter(paths.get, names if arguments.official else ()):
        check_official(paths[name], SPLIT_IDS[name], name in lists)
    _refuse_other_truths(arguments.ground_truths, paths)
    there = {name: len(found) for name, found in paths.items()}
    refuse_impossible(arguments.queries, there, arguments.make)
    refuse_too_few(arguments.hold_out, there["training"])
    listings = {name: _listing(name, paths[name], arguments.workers) for name in names}
    if arguments.bad_images == "error":
        quarantine.refuse_bad(listings.values())
    else:
        listings["training"] = without_shared(listings["training"], _not_trained_on(listings))
    splits = {
        name: quarantine.set_aside(listings[name], name, graded=name == "references")
        for name in SPLITS
    }
    refuse_too_few(arguments.hold_out, len(splits["training"]))
    _refuse_common({**listings, **splits}, bool(arguments.make))
    if arguments.make:
        sources = of_own_content(splits["references"], splits["others"])
        there = {name: len(rows) for name, rows in sources.items()}
        refuse_impossible(arguments.queries, there, arguments.make, ADD_UNLIKE)
    for path, rows in zip(manifests, splits.values(), strict=True):
        write_manifest(path, rows)
    # Those among queries are listed where these are taken.
    write_table(bad, quarantine.quarantined(listings[name] for name in SPLITS))


def _refuse_other_truths(pairs: list[str], paths: dict[str, list[Path]]) -> None:
    """Refuse a ground truth of queries or references that are not among the images."""
    for phase, file in named_files(pairs, PHASES).items():
        queries, references = (
            ids_for_truth(paths[name], SPLIT_IDS[name]) for name in (phase, "references")
        )
        refuse_no_pair(file, read_ground_truth(file, queries, references, NO_IMAGE))


def _refuse_common(rows: dict[str, pd.DataFrame], makes_queries: bool) -> None:
    """Refuse images that are in two splits or phases that may have none in common.

    Raises:
        UserError: there are some; all are logged.
    """
    found = [
        problem
        for name, others in _not_trained_on(rows).items()
        for problem in overlaps(rows["training"], others, name, LEAVE_OUT)
    ]
    if makes_queries:
        found += copied_others(rows["references"], rows["others"])
    quarantine.refuse_all(found)


def _not_trained_on(rows: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return all but the training images, by what they are called."""
    return {_CALLED.get(name, name): found for name, found in rows.items() if name != "training"}


def _paths(name: str, places: list[str], names: str | None) -> list[Path]:
    """Return the images of a split or phase, those in its list; none where no place is named."""
    paths = find_images(places, names)
    if name == "training":
        refuse_graded(paths)
    return paths


def _listing(name: str, paths: list[Path], workers: int) -> pd.DataFrame:
    if not paths:
        return pd.DataFrame(columns=[*COLUMNS, "reason"])
    return listing_of(paths, SPLIT_IDS[name], workers)
