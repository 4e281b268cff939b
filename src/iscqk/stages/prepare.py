"""Make a manifest of every split: id, path, sha256, width and height of each image.

Folders are searched recursively. Files named by official ids (T000000.jpg, R000000.jpg) keep
them, the others get the free ones. Every image is decoded once; a reference that is also a
training image is refused.
"""

import argparse
from pathlib import Path

import pandas as pd

from iscqk.formats.manifest import COLUMNS, write_manifest
from iscqk.images.collecting import SPLITS, find_images, manifest_of, refuse_overlap


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", nargs="+", metavar="DIR", required=True)
    parser.add_argument("--references", nargs="+", metavar="DIR", required=True)
    parser.add_argument(
        "--others", nargs="*", metavar="DIR", default=[], help="sources of distractor queries"
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
    return manifest_of(find_images(folders), SPLITS[name], arguments.workers)
