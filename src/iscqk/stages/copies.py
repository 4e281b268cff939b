"""Make one shard of a round's training copies: a tar of JPEG and JSON (WebDataset layout).

Every round edits every training image anew; the same seed gives the same bytes.
"""

import argparse
import hashlib
import json

from iscqk.formats.copy_shards import write_copies
from iscqk.formats.files import sha256_of
from iscqk.formats.manifest import listed_paths, read_training, shard_bounds
from iscqk.formats.provenance import Provenance
from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import EditPool
from iscqk.runtime.options import count, output_file
from iscqk.settings.copies import Copies
from iscqk.settings.edits import Pool

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
    parser.add_argument("--shard", type=int, default=0)
    parser.add_argument("--shards", type=count, default=1)
    parser.add_argument("--output", type=output_file, required=True)
    parser.add_argument("--workers", type=count, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the shard."""
    training = read_training(arguments.training)
    first, last = shard_bounds(len(training), arguments.shard, arguments.shards)
    rows, views = training.iloc[first:last], range(arguments.config.per_image)
    tasks = [
        Task((arguments.seed, f"round{arguments.round}", image_id, view), path)
        for image_id, path in zip(rows["id"], listed_paths(rows), strict=True)
        for view in views
    ]
    copier = Copier(
        EditPool(**arguments.edits.values()),
        tuple(listed_paths(training)),
        arguments.config.side,
        arguments.config.quality,
    )
    made = copier.copies(tasks, len(tasks), arguments.workers)
    write_copies(
        arguments.output,
        ((str(t.key[2]), int(t.key[3]), *copy) for t, copy in zip(tasks, made, strict=True)),
        _provenance(arguments),
    )


def _provenance(arguments: argparse.Namespace) -> Provenance:
    edits = json.dumps([arguments.config.given, arguments.edits.given], sort_keys=True)
    return {
        "manifest_sha256": sha256_of(arguments.training),
        "edits_sha256": hashlib.sha256(edits.encode()).hexdigest(),
        **{key: getattr(arguments, key) for key in ("seed", "round", "shard", "shards")},
    }
