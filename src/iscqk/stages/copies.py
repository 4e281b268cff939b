"""Make one shard of a round's training copies: a tar of JPEG and JSON (WebDataset layout).

Every round edits every training image anew; the same seed gives the same bytes.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pandas as pd

from iscqk.formats.copy_shards import write_copies
from iscqk.formats.files import sha256_of
from iscqk.formats.listed import Listed
from iscqk.formats.manifest import listed_paths, read_training_shard
from iscqk.formats.provenance import Provenance, digest_of_edits
from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import EditPool
from iscqk.runtime.options import at_once, output_file
from iscqk.settings.copies import Copies
from iscqk.settings.edits import Pool
from iscqk.stages.shared.parts import add_part_options, part_of

EXAMPLE = r"""iscqk copies --training data/training.csv \
    --config '{"per_image": 2, "side": 160, "quality": 90}' \
    --edits '{"names": ["crop", "blur"], "strength": [0.0, 0.6], "length": [1, 2]}' \
    --seed 0 --round 1 --output copies.tar"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", metavar="MANIFEST", required=True)
    parser.add_argument("--config", type=Copies.parse, required=True, help="the `copies` section")
    parser.add_argument("--edits", type=Pool.parse, required=True, help="the training edits")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--round", type=int, required=True)
    add_part_options(parser)
    parser.add_argument("--output", type=output_file, required=True)
    parser.add_argument("--workers", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the shard."""
    images = list(_images(arguments))
    made = chain.from_iterable(_copies(arguments, *some) for some in images)
    write_copies(arguments.output, made, _provenance(arguments))


def _images(arguments: argparse.Namespace) -> Iterator[tuple[pd.DataFrame, Sequence[Listed]]]:
    """Yield the rows of images to copy, and the paths of those that edits may paste in.

    Of images in several tar files these are those of the same one: no job needs the others, and it
    does not matter how many jobs there are.
    """
    part = part_of(arguments)
    for within in [[tar] for tar in arguments.within] or [[]]:
        yield read_training_shard(arguments.training, *part, within)


def _copies(
    arguments: argparse.Namespace, rows: pd.DataFrame, beside: Sequence[Listed]
) -> Iterator[tuple[str, int, bytes, list[dict[str, Any]]]]:
    """Yield id, view, JPEG and edits of all copies of some images."""
    config, purpose = arguments.config, f"round{arguments.round}"
    tasks = [
        Task((arguments.seed, purpose, image_id, view), path)
        for image_id, path in zip(rows["id"], listed_paths(rows), strict=True)
        for view in range(config.per_image)
    ]
    pool = EditPool(**arguments.edits.values())
    copier = Copier(pool, beside, config.side, config.quality)
    made = copier.copies(tasks, len(tasks), arguments.workers)
    for task, copy in zip(tasks, made, strict=True):
        yield str(task.key[2]), int(task.key[3]), *copy


def _provenance(arguments: argparse.Namespace) -> Provenance:
    return {
        "manifest_sha256": sha256_of(arguments.training),
        "edits_sha256": digest_of_edits(arguments.config.given, arguments.edits.given),
        **{key: getattr(arguments, key) for key in ("seed", "round", "shard", "shards")},
    }
