"""Make a manifest of every split: id, path, sha256, width and height of each image.

Folders are searched recursively. Files named by official ids (T000000.jpg, R000000.jpg) keep
them, the others get the free ones. Every image is decoded once. A training image that is also a
reference, or is named as one, is refused. Of a split with a list file only the images in it count,
and none of them may be missing.
"""

import argparse
from pathlib import Path

import pandas as pd

from iscqk.formats.manifest import COLUMNS, write_manifest
from iscqk.images.collecting import (
    SPLITS,
    find_images,
    manifest_of,
    only_listed,
    refuse_graded,
    refuse_overlap,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", nargs="+", metavar="DIR", required=True)
    parser.add_argument("--references", nargs="+", metavar="DIR", required=True)
    parser.add_argument(
        "--others", nargs="*", metavar="DIR", default=[], help="sources of distractor queries"
    )
    parser.add_argument(
        "--lists", nargs="*", metavar="SPLIT=FILE", default=[], help="an image's name in each line"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the manifests")
    parser.add_argument("--workers", type=int, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write training.csv, references.csv and others.csv."""
    splits = {name: _manifest(name, arguments) for name in ("training", "references", "others")}
    refuse_overlap(splits["training"], splits["references"], "references")
    refuse_overlap(splits["training"], splits["others"], "sources of queries")
    for name, rows in splits.items():
        write_manifest(arguments.output / f"{name}.csv", rows)


def _manifest(name: str, arguments: argparse.Namespace) -> pd.DataFrame:
    folders = getattr(arguments, name)
    if not folders:
        return pd.DataFrame(columns=COLUMNS)
    paths = find_images(folders)
    lists = dict(pair.split("=", 1) for pair in arguments.lists)
    if name in lists:
        paths = only_listed(paths, lists[name])
    if name == "training":
        refuse_graded(paths)
    return manifest_of(paths, SPLITS[name], arguments.workers)
