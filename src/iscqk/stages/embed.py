"""Describe images with one model: a shard of a bank, of the queries or of the references.

Images come from a manifest, of which one shard is taken, or from a shard of copies; then one row
stands for all the copies of an image. With --features the rows are the backbone's pooled features
instead, for a bank whose head keeps learning. With --sizes and --orientations an image's features
are the mean of those at several sizes, mirrored and turned, with --trimmed also without margins.
"""

import argparse
import collections
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from iscqk.errors import UserError
from iscqk.formats.copy_shards import CopyShards
from iscqk.formats.descriptor_shards import appending_descriptors
from iscqk.formats.files import sha256_of, unchanged
from iscqk.formats.manifest import image_paths, read_shard
from iscqk.learning import distributed
from iscqk.learning.data_loading import CopyImages, OriginalImages
from iscqk.learning.embedding import embed
from iscqk.models.collapse import COLLAPSED, spread
from iscqk.models.encoder import Encoder
from iscqk.models.weights import load_encoder
from iscqk.plan.names import Content
from iscqk.runtime.options import at_once, count, output_file
from iscqk.schema.kinds import Precision
from iscqk.settings.describe import Describe
from iscqk.stages.shared.parts import add_part_options, names_part, part_of
from iscqk.stages.shared.processes import run_distributed

logger = logging.getLogger(__name__)

EXAMPLE = r"""iscqk embed --weights k.safetensors --manifest data/references.csv \
    --output references.h5"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--weights", type=Path, required=True)
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--manifest", help="describe the images of a manifest")
    images.add_argument("--copies", metavar="TAR", help="describe the copies in a shard")
    parser.add_argument("--views", type=count, default=1, help="copies of an image in one row")
    add_part_options(parser)
    parser.add_argument("--features", action="store_true")
    parser.add_argument(
        "--sizes", type=count, nargs="+", default=[], metavar="PIXELS",
        help="describe every image at each of these sides and average; else at the model's own",
    )  # fmt: skip
    parser.add_argument(
        "--orientations", type=int, choices=[1, 2, 4, 8], default=Describe.orientations,
        help="to average over, too: 2 as it is and mirrored, 4 quarter turns, 8 both (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--trimmed", action="store_true",
        help="average images with plain margins with the same without them",
    )  # fmt: skip
    parser.add_argument("--precision", choices=get_args(Precision), default=Describe.precision)
    parser.add_argument("--output", type=output_file, required=True)
    parser.add_argument("--processes", type=at_once, default=1, help="that share the images")
    parser.add_argument("--threads", type=at_once, default=1, help="of all processes together")


def run(arguments: argparse.Namespace) -> None:
    """Write the shard of descriptors."""
    _refuse_unused(arguments)
    with run_distributed(arguments.processes, arguments.threads) as (device, threads):
        _embed(arguments, device, threads)


def _refuse_unused(arguments: argparse.Namespace) -> None:
    """Refuse what says nothing of the images that are named."""
    if arguments.copies and names_part(arguments):
        what = "a shard of copies is described whole; leave out --shard, --shards, --within, --of"
        raise UserError(f"--copies: {what}")
    if arguments.manifest and arguments.views > 1:
        raise UserError("--views: of the copies in --copies; leave it out beside --manifest")


def _embed(arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
    with unchanged(arguments.weights) as digest:
        encoder = load_encoder(arguments.weights).to(device)
    encoder.precision = arguments.precision
    encoder.refuse_sizes(arguments.sizes)
    side = max(arguments.sizes, default=encoder.config.image_size)
    ids, images, provenance = _images(arguments, side)
    blocks = embed(encoder, images, threads - 1, arguments.sizes, arguments.orientations)
    if distributed.rank() > 0:
        collections.deque(blocks, maxlen=0)  # helps to make them, and writes nothing
        return
    kind = "features" if arguments.features else "descriptors"
    content = Content(kind, (*arguments.sizes,), arguments.orientations, arguments.trimmed)
    attributes = {
        **provenance,
        **({"seen": content.seen} if content.seen else {}),
        "content": content.kind,
        "precision": arguments.precision,
        "weights_sha256": digest,
    }
    _write(arguments, encoder, ids, blocks, attributes)


def _write(
    arguments: argparse.Namespace,
    encoder: Encoder,
    ids: list[str],
    blocks: Iterable[tuple[Tensor, Tensor]],
    attributes: dict[str, Any],
) -> None:
    """Write the rows as they come; warn where all images of the shard are described alike."""
    size = encoder.head.in_features if arguments.features else encoder.head.out_features
    moments, done = np.zeros((encoder.head.out_features,) * 2), 0
    with appending_descriptors(arguments.output, size, attributes, len(ids)) as appender:
        for features, vectors in blocks:
            block = features if arguments.features else vectors
            appender.append(ids[done : done + len(block)], block.numpy())
            done += len(block)
            rows = vectors.double().numpy()
            moments += rows.T @ rows
    if done > 1 and moments.any() and (rank := spread(moments)) < COLLAPSED:
        logger.warning(
            "%s describes all %d images alike (effective rank %.3f); unless they are one image, "
            "train again with a lower train.METHOD.learning_rate",
            arguments.weights, done, rank,
        )  # fmt: skip


def _images(
    arguments: argparse.Namespace, side: int
) -> tuple[list[str], OriginalImages | CopyImages, dict[str, Any]]:
    """Return the ids of the rows to come, their images, and the provenance of these."""
    if arguments.manifest:
        rows = read_shard(arguments.manifest, *part_of(arguments), arguments.within)
        provenance = {key: getattr(arguments, key) for key in ("shard", "shards")}
        provenance["manifest_sha256"] = sha256_of(arguments.manifest)
        originals = OriginalImages(image_paths(rows), side, trimmed=arguments.trimmed)
        return rows["id"].tolist(), originals, provenance
    copies = CopyShards([arguments.copies])
    if copies.ids and arguments.views > copies.views:  # a shard of few images may have none
        raise UserError(
            f"train.*.bank_views: {arguments.views} copies of an image are asked for, and "
            f"{arguments.copies} has {copies.views}; raise copies.per_image"
        )
    provenance = {**copies.provenances[0][1], "views": arguments.views}
    images = CopyImages(copies, side, arguments.views, arguments.trimmed)
    return copies.ids, images, provenance
