"""Lay images out as the challenge's archives unpack, for a rehearsal with pixels.

Takes the manifests of a run with images of any kind, and the queries that it made, and writes a
folder that `dataset.kind: disc21` takes; with --tars, shards for `dataset.kind: shards`.
"""

import argparse
from pathlib import Path

from iscqk.bench.challenge_layout import lay_out
from iscqk.formats.results import Data
from iscqk.runtime.options import count, output_folder

EXAMPLE = "iscqk challenge-layout results/data --output disc21"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("data", type=Path, help="the folder of manifests of such a run")
    parser.add_argument("--output", type=output_folder, required=True, help="a new folder")
    parser.add_argument(
        "--images", type=count, default=50_000, help="of a split in a folder (default: 50000)"
    )
    parser.add_argument("--tars", action="store_true", help="write tar files instead of folders")


def run(arguments: argparse.Namespace) -> None:
    """Write the folder."""
    lay_out(Data(str(arguments.data)), arguments.output, arguments.images, arguments.tars)
