"""Describe images with one model: a shard of a bank, of the queries or of the references.

Images come from a manifest, of which one shard is taken, or from a shard of copies; then one row
stands for all the copies of an image. With --features the rows are the backbone's pooled features
instead, for a bank whose head keeps learning.
"""

import argparse
import collections
from pathlib import Path

import torch

from iscqk.errors import UserError
from iscqk.formats.copies import CopyShards
from iscqk.formats.descriptors import appending_descriptors
from iscqk.formats.files import sha256_of
from iscqk.formats.manifest import read_shard
from iscqk.learning import processes
from iscqk.learning.embedding import embed
from iscqk.learning.images import CopyImages, OriginalImages
from iscqk.models.weights import load_encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--weights", type=Path, required=True)
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--manifest", help="describe the images of a manifest")
    images.add_argument("--copies", metavar="TAR", help="describe the copies in a shard")
    parser.add_argument("--views", type=int, default=1, help="copies of an image in one row")
    parser.add_argument("--shard", type=int, default=0, help="of the manifest")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--features", action="store_true")
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=1, help="that share the images")
    parser.add_argument("--threads", type=int, default=1, help="of all processes together")


def run(arguments: argparse.Namespace) -> None:
    """Write the shard of descriptors."""
    with processes.working(arguments.processes, arguments.threads) as (device, threads):
        _embed(arguments, device, threads)


def _embed(arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
    encoder = load_encoder(arguments.weights).to(device)
    encoder.precision = arguments.precision
    ids, images = _images(arguments, encoder.config.image_size)
    blocks = embed(encoder, images, threads - 1)
    if processes.rank() > 0:
        collections.deque(blocks, maxlen=0)  # helps to make them, and writes nothing
        return
    size = encoder.head.in_features if arguments.features else encoder.head.out_features
    attributes = {"weights_sha256": sha256_of(arguments.weights)}
    with appending_descriptors(arguments.output, size, attributes, len(ids)) as appender:
        done = 0
        for features, vectors in blocks:
            block = features if arguments.features else vectors
            appender.append(ids[done : done + len(block)], block.numpy())
            done += len(block)


def _images(
    arguments: argparse.Namespace, side: int
) -> tuple[list[str], OriginalImages | CopyImages]:
    """Return the ids of the rows to come, and their images."""
    if arguments.manifest:
        rows = read_shard(arguments.manifest, arguments.shard, arguments.shards)
        return rows["id"].tolist(), OriginalImages(rows["path"].tolist(), side)
    copies = CopyShards([arguments.copies])
    if arguments.views > copies.views:
        raise UserError(
            f"train.bank_views: {arguments.views} copies of an image are asked for, and "
            f"{arguments.copies} has {copies.views}; raise copies.per_image"
        )
    return copies.ids, CopyImages(copies, side, arguments.views)
