"""Describe any images with a model, to match others against them.

Writes HDF5: `ids`, `vectors` (n, D) float32, `paths`, `sizes`, `modified`. Where the file is there
already, only new and changed images are described. Images that cannot be read are left out.
"""

import argparse
import os
from pathlib import Path

from iscqk.matching.collection import described
from iscqk.matching.model import SIDES, Model

EXAMPLE = "iscqk describe photos --model results/submission_phase2 --output photos.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("images", nargs="+", metavar="IMAGES", help="files and folders")
    parser.add_argument(
        "--model", type=Path, required=True, help="results/submission_..., or a run's folder"
    )
    parser.add_argument(
        "--side", choices=SIDES, default="references", help="what they are (default: references)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="H5")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="(default: all)")


def run(arguments: argparse.Namespace) -> None:
    """Write the descriptors."""
    model = Model.load(arguments.model)
    found = described(model, arguments.side, arguments.images, arguments.output, arguments.threads)
    print(f"{arguments.output}: {len(found.files)} images in {found.vectors.shape[1]} dimensions")
