"""Make a manifest of every split: id, path, sha256, width and height of each image.

Folders are searched recursively, links too. Files named by official ids (T000000.jpg, R000000.jpg)
keep them, the others get the free ones. Every image is decoded once. Those that cannot be read are
told all at once, together with those among the queries that there are; or, by quarantine, they are
listed: references keep their id, with a size of 0, the others are left out. A training image that
is also a reference, or is named as one, is refused. Of a split with a list file only the images in
it count, and none of them may be missing.
"""

import argparse
from typing import get_args

import pandas as pd

from iscqk.formats.csv_tables import write_table
from iscqk.formats.manifest import COLUMNS, write_manifest
from iscqk.formats.phases import PHASES
from iscqk.images import quarantine
from iscqk.images.ingestion import (
    SPLITS,
    find_images,
    listing_of,
    only_listed,
    refuse_graded,
    refuse_overlap,
)
from iscqk.plan.results import Data
from iscqk.runtime.options import count, output_folder
from iscqk.settings.dataset import BadImages, Dataset

EXAMPLE = r"""iscqk prepare --training pictures/training --references pictures/references \
    --others pictures/others --output results/data"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", nargs="+", action="extend", metavar="DIR", required=True)
    parser.add_argument("--references", nargs="+", action="extend", metavar="DIR", required=True)
    parser.add_argument(
        "--others", nargs="*", action="extend", metavar="DIR", default=[],
        help="sources of distractor queries",
    )  # fmt: skip
    for phase in PHASES:
        parser.add_argument(
            f"--{phase}", nargs="*", action="extend", metavar="DIR", default=[],
            help="queries to look at, too, so that all bad images are told at once",
        )  # fmt: skip
    parser.add_argument(
        "--lists", nargs="*", action="extend", metavar="SPLIT=FILE", default=[],
        help="an image's name in each line",
    )  # fmt: skip
    parser.add_argument("--bad-images", choices=get_args(BadImages), default=Dataset.bad_images)
    parser.add_argument(
        "--output", type=output_folder, required=True, help="folder of the manifests"
    )
    parser.add_argument("--workers", type=count, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write training.csv, references.csv, others.csv and quarantined.csv."""
    names = ("training", "references", "others")
    listings = {name: _listing(name, arguments) for name in names}
    if arguments.bad_images == "error":
        quarantine.refuse_bad([*listings.values(), *(_listing(p, arguments) for p in PHASES)])
    splits = {
        name: quarantine.set_aside(rows, name, graded=name == "references")
        for name, rows in listings.items()
    }
    refuse_overlap(splits["training"], splits["references"], "references")
    refuse_overlap(splits["training"], splits["others"], "sources of queries")
    output = Data(str(arguments.output))
    for name, rows in splits.items():
        write_manifest(output.manifest(name), rows)
    write_table(output.quarantined, quarantine.quarantined(listings.values()))


def _listing(name: str, arguments: argparse.Namespace) -> pd.DataFrame:
    folders = getattr(arguments, name)
    if not folders:
        return pd.DataFrame(columns=[*COLUMNS, "reason"])
    paths = find_images(folders)
    lists = dict(pair.split("=", 1) for pair in arguments.lists)
    if name in lists:
        paths = only_listed(paths, lists[name])
    if name == "training":
        refuse_graded(paths)
    return listing_of(paths, SPLITS[name], arguments.workers)
