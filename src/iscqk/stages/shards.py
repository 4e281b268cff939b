"""Pack images into tar files of so many each, for `dataset.kind: shards`.

Files go in as they are, in the order of their names: of images that are named by ids, that of the
ids. A tar file of the output folder that is there whole is left, so that the same command goes on
after a stop. What is no image by its name is left out.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.image_shards import SUFFIX, bytes_of, paths_in, status_of, writing_images
from iscqk.formats.named_files import anchored
from iscqk.formats.printable_names import printable
from iscqk.images.finding import find_images
from iscqk.runtime.logs import print_line, progress
from iscqk.runtime.options import count, output_folder
from iscqk.runtime.wording import counted

EXAMPLE = "iscqk shards disc21/train_50k_0 disc21/train_50k_1 --output pictures/training"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "images", nargs="+", metavar="PATH", help="folders of images, or tar files to divide anew"
    )
    parser.add_argument(
        "--each", type=count, default=5000, metavar="N", help="images in a file (default: 5000)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="of 000.tar and on"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the tar files that are not there yet, and print what the config calls them."""
    output, each = arguments.output, arguments.each
    found = sorted(find_images(arguments.images), key=lambda path: (path.name, path))
    folder = Path(os.path.commonpath([anchored(path) for path in arguments.images]))
    starts = range(0, len(found), each)
    width = max(3, len(str(len(starts) - 1)))
    names = [f"{number:0{width}}" for number in range(len(starts))]
    for name, start in zip(names, progress(starts, len(starts), "pack images"), strict=True):
        _pack(found[start : start + each], folder, output / f"{name}{SUFFIX}")
    named = f"{{{names[0]}..{names[-1]}}}" if len(names) > 1 else names[0]
    print_line(f"{printable(output)}/{named}{SUFFIX}: {counted(len(found), 'image')}")


def _pack(images: Sequence[Path], folder: Path, shard: Path) -> None:
    """Write a tar file of images, named as they lie in a folder, unless it is there."""
    sizes = {os.path.relpath(anchored(path), folder): status_of(path).size for path in images}
    if shard.exists():
        there = {os.path.relpath(path, shard): status_of(path).size for path in paths_in(shard)}
        if there != sizes:
            what = "holds other images; remove it, or name another folder"
            raise UserError(f"{printable(shard)}: {what}")
        return
    with writing_images(shard) as put:
        for name, path in zip(sizes, images, strict=True):
            try:
                put(name, bytes_of(path))
            except ValueError as error:  # of what a tar cannot name, or an image not read whole
                raise UserError(f"{printable(path)}: {error}; shorten its path") from None
