"""The options by which a stage takes a part of a manifest's images, and no file but its own."""

import argparse

from iscqk.errors import UserError
from iscqk.formats.manifest import shard_bounds
from iscqk.plan.names import Shard
from iscqk.runtime.options import count


def add_part_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--shard", type=int, default=0, help="of the manifest")
    parser.add_argument("--shards", type=count, default=1)
    parser.add_argument(
        "--within", nargs="+", default=[], metavar="TAR", help="the tar files that this shard is of"
    )
    parser.add_argument(
        "--of", type=count, default=0, metavar="COUNT", help="tar files of the manifest in all"
    )


def names_part(arguments: argparse.Namespace) -> bool:
    """Return whether one of them is said that takes less than all images."""
    return bool(arguments.shard or arguments.shards > 1 or arguments.within or arguments.of)


def part_of(arguments: argparse.Namespace) -> tuple[int, int]:
    """Return which part, of how many, a shard is of the images in its tar files, or of all.

    Raises:
        UserError: there is no such shard, or it is made of another number of files.
    """
    shard_bounds(0, *(shard := Shard(arguments.shard, arguments.shards)))
    if not (arguments.within or arguments.of):
        return shard
    files, part = shard.among(arguments.of or 1)
    if len(files) != len(arguments.within):
        found = f"{len(arguments.within)} tar files where shard {shard} is made of {len(files)}"
        raise UserError(f"--within: {found} (of {arguments.of}, --of); name these")
    return part
