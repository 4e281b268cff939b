"""Draw the demo's images, so that a fresh clone runs without any data."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.image_shards import writing_images
from iscqk.formats.named_files import anchored
from iscqk.formats.results import SPLITS
from iscqk.images.demo_scenes import draw_images
from iscqk.runtime.options import at_once, output_place
from iscqk.schema.options import value_of
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
    for name, what in (("side", "longest side in pixels"), *((split, "") for split in SPLITS)):
        parser.add_argument(
            f"--{name}", type=value_of(Demo, name), default=getattr(Demo, name),
            metavar="PIXELS" if what else "COUNT", help=what,
        )  # fmt: skip
    parser.add_argument("--workers", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the images of each split."""
    _refuse_nested(arguments.output)
    how = arguments.seed, arguments.side, arguments.workers
    with ExitStack() as stack:
        # All take their names at the end: a stop leaves no folder that the same command refuses.
        for split, path in zip(SPLITS, arguments.output, strict=True):
            put = stack.enter_context(writing_images(path))
            draw_images(put, split, getattr(arguments, split), *how)


def _refuse_nested(places: Sequence[Path]) -> None:
    """Refuse a place in a folder that is written, too: who takes that folder's name loses it."""
    for outer, inner in permutations(places, 2):
        if Path(anchored(outer)) in Path(anchored(inner)).parents:
            raise UserError(f"{inner}: lies in {outer}, which is written, too; name another place")
