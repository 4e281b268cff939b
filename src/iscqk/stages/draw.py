"""Draw the demo's images, so that a fresh clone runs without any data."""

import argparse

from iscqk.images.demo_scenes import draw_split
from iscqk.plan.results import SPLITS
from iscqk.runtime.options import count, output_place
from iscqk.settings.dataset import Demo

EXAMPLE = r"""iscqk draw --training 100 --references 50 --others 20 \
    --output drawn/training drawn/references drawn/others"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "--output", type=output_place, nargs=len(SPLITS), required=True, metavar="PATH",
        help="of training images, references and others: folders, or .tar files",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=count, default=Demo.side, help="longest side in pixels")
    parser.add_argument("--training", type=int, default=Demo.training, metavar="COUNT")
    parser.add_argument("--references", type=int, default=Demo.references, metavar="COUNT")
    parser.add_argument("--others", type=int, default=Demo.others, metavar="COUNT")
    parser.add_argument("--workers", type=count, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the images of each split."""
    for split, path in zip(SPLITS, arguments.output, strict=True):
        draw_split(
            path,
            split,
            getattr(arguments, split),
            arguments.seed,
            arguments.side,
            arguments.workers,
        )
