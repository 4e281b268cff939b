"""Train one side for half a round, against the frozen bank of the other.

Side q learns from the copies of the round, side k from the originals. An interrupted run resumes
from its newest checkpoint when it is started again with the same inputs.
"""

import argparse
import json
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from iscqk.errors import UserError
from iscqk.formats.copies import CopyShards
from iscqk.formats.csv_tables import write_table
from iscqk.formats.files import replacing, sha256_of
from iscqk.formats.manifest import listed_paths, read_training, refuse_untrainable
from iscqk.formats.origins import Origin, check_parts
from iscqk.learning import processes
from iscqk.learning.bank import read_bank, read_near_duplicates
from iscqk.learning.checkpoint import Checkpoint, fingerprint
from iscqk.learning.frozen_bank import BankConfig, FrozenBank
from iscqk.learning.images import CopyImages, OriginalImages
from iscqk.learning.training import TrainConfig, Training
from iscqk.models.encoder import Encoder
from iscqk.models.weights import load_encoder, read_provenance, save_encoder
from iscqk.workflow import code_digest

EXAMPLE = r"""iscqk train --side k --round 1 --start k.safetensors --frozen q.safetensors \
    --bank copies1-0.h5 --training data/training.csv --config "$(cat train.json)" \
    --seed 0 --trained-output k.safetensors --frozen-output q.safetensors \
    --history history.csv --resume resume.pt --tensorboard scalars"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--side", choices=["q", "k"], required=True)
    parser.add_argument("--round", type=int, required=True)
    parser.add_argument("--start", type=Path, required=True, help="weights of the side to train")
    parser.add_argument("--frozen", type=Path, required=True, help="weights of the other side")
    parser.add_argument("--bank", type=Path, nargs="+", required=True, help="its shards, in order")
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--copies", nargs="+", metavar="TAR", help="what side q learns from")
    images.add_argument("--training", metavar="MANIFEST", help="what side k learns from")
    parser.add_argument("--config", type=json.loads, required=True, help="the `train` section")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--trained-output", type=Path, required=True)
    parser.add_argument("--frozen-output", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True, help="CSV of the training's health")
    parser.add_argument("--resume", type=Path, required=True, help="file of the resume state")
    parser.add_argument("--tensorboard", default="", metavar="DIR", help="scalars to look at")
    parser.add_argument(
        "--near-duplicates", metavar="CSV", help="id,near_duplicate: no negatives of each other"
    )
    parser.add_argument("--processes", type=int, default=1, help="that share batch and bank")
    parser.add_argument("--threads", type=int, default=1, help="of all processes together")


def run(arguments: argparse.Namespace) -> None:
    """Train and write both sides' weights: a live head changes the frozen side too."""
    with processes.working(arguments.processes, arguments.threads) as (device, threads):
        _train(arguments, device, threads)


def _train(arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
    encoder, frozen = load_encoder(arguments.start), load_encoder(arguments.frozen)
    encoder.precision = arguments.config["precision"]
    _check_sizes(arguments, encoder, frozen)
    images, ids, origin = _images(arguments, encoder.config.image_size)
    bank = _bank(arguments, images.views, ids, frozen, origin)
    training = Training(encoder.to(device), bank.to(device), _train_config(arguments))
    checkpoint = Checkpoint(arguments.resume, _fingerprint(arguments))
    training.run(images, threads - 1, checkpoint, arguments.tensorboard)
    if processes.rank() == 0:
        _write(arguments, training, frozen)
        checkpoint.remove()


def _check_sizes(arguments: argparse.Namespace, encoder: Encoder, frozen: Encoder) -> None:
    """Refuse two sides whose descriptors cannot be compared."""
    ours, theirs = encoder.head.out_features, frozen.head.out_features
    if ours != theirs:
        raise UserError(
            f"{arguments.frozen}: descriptors of {theirs} dimensions, and {ours} in "
            f"{arguments.start}; name two sides of one run"
        )


def _bank(
    arguments: argparse.Namespace, views: int, ids: list[str], frozen: Encoder, origin: Origin
) -> FrozenBank:
    section, digest = arguments.config["qk"], sha256_of(arguments.frozen)
    content = "features" if section["live_head"] else "descriptors"
    expected, head = {**origin, "content": content}, frozen.head
    size = head.in_features if section["live_head"] else head.out_features
    rows, first = read_bank(arguments.bank, ids, digest, section["bank_precision"], expected, size)
    pairs = arguments.near_duplicates and read_near_duplicates(arguments.near_duplicates, ids)
    live = frozen if section["live_head"] else None
    return FrozenBank(rows, views, _bank_config(arguments), live, first, pairs)


def _train_config(arguments: argparse.Namespace) -> TrainConfig:
    """Return the configuration of this half-round, with a seed of its own."""
    half_round = 2 * arguments.round + (arguments.side == "k")
    budget = arguments.config["images_per_half_round"]
    return TrainConfig.from_section(arguments.config, "qk", budget, (arguments.seed, half_round))


def _bank_config(arguments: argparse.Namespace) -> BankConfig:
    """Return how to learn from the bank; a learned temperature goes on from the last half-round."""
    section = arguments.config["qk"]
    values = {field.name: section[field.name] for field in fields(BankConfig)}
    if values["negatives"] == "all":
        values["negatives"] = None
    config = BankConfig(**values)
    if config.learn_temperature:
        last = read_provenance(arguments.frozen).get("temperature", config.temperature)
        return replace(config, temperature=float(last))
    return config


def _images(
    arguments: argparse.Namespace, side: int
) -> tuple[OriginalImages | CopyImages, list[str], Origin]:
    """Return what to learn from, the id of each bank row that is a positive of it, its origin."""
    if arguments.training:
        rows = read_training(arguments.training)
        ids = rows["id"].tolist()
        views = arguments.config["qk"]["bank_views"]
        origin = {"round": arguments.round, "views": views}
        origin["manifest_sha256"] = sha256_of(arguments.training)
        return OriginalImages(listed_paths(rows), side, ids), ids, origin
    copies = CopyShards(arguments.copies)
    refuse_untrainable(copies.ids, arguments.copies[0])
    check_parts(copies.origins, "make it again", {"round": arguments.round})
    origin = {"manifest_sha256": copies.origins[0][1].get("manifest_sha256")}
    return CopyImages(copies, side, copies.views), copies.ids, origin


def _fingerprint(arguments: argparse.Namespace) -> str:
    """Return the digest of all that the outcome depends on."""
    inputs = [arguments.start, arguments.frozen, *arguments.bank]
    images = arguments.copies or [arguments.training]
    inputs += [arguments.near_duplicates] if arguments.near_duplicates else []
    return fingerprint(
        side=arguments.side,
        round=arguments.round,
        seed=arguments.seed,
        config=arguments.config,
        inputs=[sha256_of(path) for path in [*inputs, *images]],
        code=code_digest("train"),
    )


def _write(arguments: argparse.Namespace, training: Training, frozen: Encoder) -> None:
    section = arguments.config["qk"]
    facts: dict[str, Any] = {
        "half_round": f"round{arguments.round}-{arguments.side}",
        "train": arguments.config,
        "temperature": training.objective.temperature,
    }
    save_encoder(arguments.trained_output, training.encoder, facts)
    if section["sides"] == "one":
        save_encoder(arguments.frozen_output, training.encoder, facts)
    elif section["live_head"]:
        save_encoder(arguments.frozen_output, frozen, facts)
    else:
        with replacing(arguments.frozen_output) as temporary:
            shutil.copyfile(arguments.frozen, temporary)
    write_table(arguments.history, pd.DataFrame(training.history))
