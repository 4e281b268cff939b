"""List labelled images, a folder for each class, in manifests; the folder's name is the class."""

import argparse

from iscqk.errors import UserError
from iscqk.formats.manifest import write_manifest
from iscqk.images.finding import find_images
from iscqk.images.ingestion import SPLIT_IDS, manifest_of, overlaps
from iscqk.images.quarantine import refuse_all
from iscqk.retrieval.knn_accuracy import classes_of
from iscqk.runtime.options import at_once, output_file

EXAMPLE = r"""iscqk prepare-labelled --training pictures/training --evaluation pictures/evaluation \
    --output training.csv evaluation.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", metavar="DIR", required=True)
    parser.add_argument("--evaluation", metavar="DIR", required=True)
    parser.add_argument(
        "--output", type=output_file, nargs=2, required=True, help="their manifests"
    )
    parser.add_argument("--workers", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write both manifests, of the same classes and of no image in common."""
    folders = arguments.training, arguments.evaluation
    training, evaluation = (
        manifest_of(find_images([folder]), SPLIT_IDS["training"], arguments.workers)
        for folder in folders
    )
    unknown = set(classes_of(evaluation)) - set(classes_of(training))
    if unknown:
        raise UserError(
            f"{arguments.evaluation}: class {min(unknown)} has no training images; "
            f"make its folder in {arguments.training} or remove this one"
        )
    refuse_all(overlaps(training, evaluation, "evaluation images"))
    for path, rows in zip(arguments.output, (training, evaluation), strict=True):
        write_manifest(path, rows)
