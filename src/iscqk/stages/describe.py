"""Describe any images with a model, to match others against them.

Writes HDF5: `ids`, `vectors` (n, D) float32, `paths` (absolute), `sha256`, `flat` (of one colour),
`sizes`, `modified`, `changed`, `inodes`. Where the file is there already, or the command was
stopped, only new and changed images are described. Images that cannot be read are left out.
"""

import argparse
import os
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.files import printable, refuse_unwritable
from iscqk.matching.describing import describe_files, warn_of_flat
from iscqk.matching.inputs import find_inputs
from iscqk.matching.model import SIDES, Model

EXAMPLE = "iscqk describe photos --model results/submission_phase2 --output photos.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("images", nargs="+", metavar="IMAGES", help="files and folders")
    parser.add_argument(
        "--model", type=Path, metavar="DIR",
        help="results/submission_..., or a run's folder (default: the ready model)",
    )  # fmt: skip
    parser.add_argument(
        "--side", choices=SIDES, default="references", help="what they are (default: references)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="H5")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="(default: all)")


def run(arguments: argparse.Namespace) -> None:
    """Write the descriptors."""
    refuse_unwritable(arguments.output)
    if arguments.threads < 1:
        raise UserError(f"--threads {arguments.threads}: at least 1 is needed")
    inputs = find_inputs(arguments.images)
    if inputs.indexes:
        name = printable(inputs.indexes[0])
        raise UserError(f"{name}: described already; name images and folders")
    model = Model.load(arguments.model)
    found = describe_files(
        model, arguments.side, inputs.images, arguments.output, arguments.threads
    )
    warn_of_flat(found)
    count, dimensions = found.vectors.shape
    print(f"{printable(arguments.output)}: {count} images in {dimensions} dimensions")
