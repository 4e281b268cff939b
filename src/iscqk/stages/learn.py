"""Train one encoder for both sides on pairs of a copy and its original (or another copy).

Method simclr, moco or isd (see iscqk.learning). SimCLR is also how Q/K warms up random weights
before its first round: a bank of random features is a poor teacher. Where the loss did not look at
the descriptors themselves, or where asked to, the head is fitted again afterwards, as the PCA of
what was learned.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from iscqk.errors import UserError
from iscqk.formats.copies import CopyShards
from iscqk.formats.csv_tables import write_table
from iscqk.formats.files import sha256_of
from iscqk.formats.manifest import listed_paths, read_training
from iscqk.formats.origins import check_parts
from iscqk.learning import processes
from iscqk.learning.checkpoint import Checkpoint, fingerprint
from iscqk.learning.images import CopyImages, OriginalImages, Pairs, Rounds
from iscqk.learning.initial import fit_head, head_images
from iscqk.learning.momentum import MomentumContrast, SelfDistillation
from iscqk.learning.objectives import InBatch, Objective
from iscqk.learning.training import TrainConfig, Training
from iscqk.models.encoder import Encoder
from iscqk.models.weights import load_encoder, save_encoder
from iscqk.workflow import code_digest

EXAMPLE = r"""iscqk learn --method simclr --images 40000 --start q.safetensors \
    --copies copies/0.tar --training data/training.csv \
    --config "$(cat train.json)" --model "$(cat model.json)" --seed 0 \
    --output learned --resume learned.pt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--method", choices=["simclr", "moco", "isd"], required=True)
    parser.add_argument("--images", type=int, required=True, help="to see in all")
    parser.add_argument("--start", type=Path, required=True, help="weights")
    parser.add_argument(
        "--copies", nargs="+", metavar="TAR", action="append", required=True,
        help="shards of a round's copies; repeat it for more rounds",
    )  # fmt: skip
    parser.add_argument("--training", metavar="MANIFEST", required=True)
    parser.add_argument("--config", type=json.loads, required=True, help="the `train` section")
    parser.add_argument("--model", type=json.loads, required=True, help="the `model` section")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--output", type=Path, action="append", required=True, metavar="DIR",
        help="folder of q.safetensors and k.safetensors, which are alike, and history.csv, their "
        "training's health; repeat it for the state after equal parts of the training",
    )  # fmt: skip
    parser.add_argument("--resume", type=Path, required=True, help="file of the resume state")
    parser.add_argument("--tensorboard", default="", metavar="DIR", help="scalars to look at")
    parser.add_argument("--processes", type=int, default=1, help="that share the batch")
    parser.add_argument("--threads", type=int, default=1, help="of all processes together")


def run(arguments: argparse.Namespace) -> None:
    """Train one encoder and write it for each side, after every part."""
    with processes.working(arguments.processes, arguments.threads) as (device, threads):
        _learn(arguments, device, threads)


def _learn(arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
    section, method = arguments.config, arguments.method
    config = TrainConfig.from_section(section, method, arguments.images, (arguments.seed, 0))
    torch.manual_seed(config.seed)
    encoder = load_encoder(arguments.start)
    encoder.precision = section["precision"]
    objective = make_objective(encoder, method, section[method])
    training = Training(encoder.to(device), objective.to(device), config, len(arguments.output))
    shards = [shard for round_copies in arguments.copies for shard in round_copies]
    checkpoint = Checkpoint(
        arguments.resume,
        fingerprint(
            **{key: getattr(arguments, key) for key in ("method", "images", "config", "model")},
            **{"seed": arguments.seed, "parts": len(arguments.output)},
            inputs=[sha256_of(p) for p in (arguments.start, arguments.training, *shards)],
            code=code_digest("learn"),
        ),
    )
    training.run(
        _pairs(arguments, encoder.config.image_size), threads - 1, checkpoint, arguments.tensorboard
    )
    for folder, (step, weights) in zip(arguments.output, training.snapshots.items(), strict=True):
        encoder.load_state_dict(weights)
        _refit_head(encoder, arguments)
        if processes.rank() == 0:
            history = [row for row in training.history if row["step"] <= step]
            _write(folder, encoder, history, arguments)
    if processes.rank() == 0:
        checkpoint.remove()


def make_objective(encoder: Encoder, method: str, section: dict[str, Any]) -> Objective:
    """Return what a method minimises; config.yaml explains the keys of its section."""
    made: dict[str, tuple[type[Objective], list[str]]] = {
        "simclr": (InBatch, ["head", "temperature"]),
        "moco": (MomentumContrast, ["head", "queue", "momentum", "temperature"]),
        "isd": (
            SelfDistillation,
            ["head", "queue", "momentum", "student_temperature", "teacher_temperature"],
        ),
    }
    objective, keys = made[method]
    return objective(encoder, **{key: section[key] for key in keys})


def _pairs(arguments: argparse.Namespace, side: int) -> Rounds:
    """Return every copy of all rounds with its partner."""
    rows = read_training(arguments.training)
    originals = OriginalImages(listed_paths(rows), side)
    partner = arguments.config[arguments.method]["partner"]
    images = {"manifest_sha256": sha256_of(arguments.training)}
    rounds = []
    for paths in arguments.copies:
        shards = CopyShards(paths)
        check_parts(shards.origins, "make it again", images)
        if shards.ids != rows["id"].tolist():
            raise UserError(f"{paths[0]}: of other images; make them anew")
        copies = CopyImages(shards, side, shards.views)
        rounds.append(Pairs(copies, originals if partner == "original" else None))
    return Rounds(rounds)


def _refit_head(encoder: Encoder, arguments: argparse.Namespace) -> None:
    """Fit the head again where that is due; all processes describe the images for it."""
    section = arguments.config[arguments.method]
    if section["refit_head"] or section["head"] != "descriptor":
        paths = listed_paths(read_training(arguments.training))
        size, count = encoder.config.image_size, arguments.model["head_images"]
        images = head_images(paths, size, count, arguments.seed)
        fit_head(encoder, images, arguments.model["whitening"])


def _write(
    folder: Path, encoder: Encoder, history: list[dict[str, float]], arguments: argparse.Namespace
) -> None:
    """Write the encoder as both sides."""
    facts = {"method": arguments.method, "train": arguments.config}
    for side in ("q", "k"):
        save_encoder(folder / f"{side}.safetensors", encoder, facts)
    write_table(folder / "history.csv", pd.DataFrame(history))
