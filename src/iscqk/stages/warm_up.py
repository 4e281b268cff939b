"""Warm up random weights before the first round: copies against originals, in-batch negatives.

A bank of random features is a poor teacher. A short SimCLR-like training of one encoder for both
sides gives the first round something to alternate from, in one space; pretrained weights need none.
Its head is dropped, as SimCLR drops its projection head, for the PCA of what was learned.
"""

import argparse
import json
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.copies import CopyShards
from iscqk.formats.files import sha256_of
from iscqk.formats.manifest import read_manifest
from iscqk.learning.checkpoint import Checkpoint, fingerprint
from iscqk.learning.device import choose_device, set_threads
from iscqk.learning.images import CopyImages, OriginalImages, Pairs
from iscqk.learning.initial import fit_head, head_images
from iscqk.learning.objectives import InBatch
from iscqk.learning.training import TrainConfig, Training, write_history
from iscqk.models.weights import load_encoder, save_encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--start", type=Path, required=True, help="weights")
    parser.add_argument("--copies", nargs="+", metavar="TAR", required=True)
    parser.add_argument("--training", metavar="MANIFEST", required=True)
    parser.add_argument("--config", type=json.loads, required=True, help="the `train` section")
    parser.add_argument("--model", type=json.loads, required=True, help="the `model` section")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="q and k, alike")
    parser.add_argument("--history", type=Path, required=True, help="CSV of the training's health")
    parser.add_argument("--resume", type=Path, required=True, help="file of the resume state")
    parser.add_argument("--threads", type=int, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Train one encoder and write it for each side."""
    set_threads(arguments.threads)
    section = arguments.config
    config = TrainConfig.from_section(
        section,
        section["warm_up_images"],
        (arguments.seed, 0),
        temperature=section["warm_up_temperature"],
        learning_rate=section["warm_up_learning_rate"],
        head_learning_rate=section["warm_up_learning_rate"],
        batch_norm="batch",
        learn_temperature=False,
        live_head=False,
    )
    encoder = load_encoder(arguments.start).to(choose_device())
    training = Training(encoder, InBatch(), config, config.temperature)
    inputs = [sha256_of(p) for p in (arguments.start, arguments.training, *arguments.copies)]
    run = fingerprint(config=section, model=arguments.model, seed=arguments.seed, inputs=inputs)
    checkpoint = Checkpoint(arguments.resume, run)
    pairs = _pairs(arguments, encoder.config.image_size)
    training.run(pairs, arguments.threads - 1, checkpoint)
    paths = read_manifest(arguments.training)["path"].tolist()
    size, count = encoder.config.image_size, arguments.model["head_images"]
    images = head_images(paths, size, count, arguments.seed)
    fit_head(encoder, images, arguments.model["whitening"])
    for path in arguments.output:
        save_encoder(path, encoder, {"half_round": "warm-up", "train": section})
    write_history(arguments.history, training.history)
    checkpoint.remove()


def _pairs(arguments: argparse.Namespace, side: int) -> Pairs:
    copies, rows = CopyShards(arguments.copies), read_manifest(arguments.training)
    if copies.ids != rows["id"].tolist():
        raise UserError(f"{arguments.copies[0]}: of other images; make them anew")
    return Pairs(
        CopyImages(copies, side, copies.views), OriginalImages(rows["path"].tolist(), side)
    )
