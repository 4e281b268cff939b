"""Draw the demo's images, so that a fresh clone runs without any data."""

import argparse

from iscqk.images.demo_scenes import draw_split
from iscqk.runtime.options import count, output_folder
from iscqk.settings.dataset import Demo

EXAMPLE = "iscqk draw --output drawn --training 100 --references 50 --others 20"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "--output", type=output_folder, required=True, help="a folder for each split in it"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=count, default=Demo.side, help="longest side in pixels")
    parser.add_argument("--training", type=int, default=Demo.training, metavar="COUNT")
    parser.add_argument("--references", type=int, default=Demo.references, metavar="COUNT")
    parser.add_argument("--others", type=int, default=Demo.others, metavar="COUNT")
    parser.add_argument("--workers", type=count, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the three folders."""
    for split in ("training", "references", "others"):
        draw_split(
            arguments.output / split,
            split,
            getattr(arguments, split),
            arguments.seed,
            arguments.side,
            arguments.workers,
        )
