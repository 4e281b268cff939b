"""Train by one of the methods: a side against the other's frozen bank, or one encoder for both.

By Q/K one side learns for half a round: side q from the copies of the round, side k from the
originals. The other methods write one encoder as both sides. They learn from pairs of a copy and
its original (or another copy), as does the warm-up of Q/K, which is SimCLR's: a bank of random
features is a poor teacher; solo learns from copies that it makes meanwhile, against a bank of its
own. An interrupted run resumes from its newest checkpoint when it is started again with the same
inputs; on any machine, where that lies in a storage.
"""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.learning import distributed
from iscqk.learning.checkpoint import Checkpoint, fingerprint
from iscqk.learning.method_interface import Method
from iscqk.learning.tensorboard import Scalars
from iscqk.learning.training import TrainConfig, Training
from iscqk.methods import METHODS, modules
from iscqk.models.device import set_threads, told_device
from iscqk.models.weights import load_encoder
from iscqk.plan.stage_code import code_digest
from iscqk.runtime.options import at_once, count, kept_file, output_file
from iscqk.settings.copies import Copies
from iscqk.settings.edits import Pool
from iscqk.settings.model import Model
from iscqk.settings.train import Train
from iscqk.stages.shared.processes import run_distributed
from iscqk.stages.trainings.descent import descent, told_of_training
from iscqk.stages.trainings.fresh import OnFreshCopies
from iscqk.stages.trainings.half_round import HalfRound
from iscqk.stages.trainings.pairs import OnPairs
from iscqk.stages.trainings.setup import Setup

EXAMPLE = r"""iscqk train --method qk --side k --round 1 --start k.safetensors \
    --frozen q.safetensors --bank copies1-0.h5 --training data/training.csv \
    --config "$(cat train.json)" --seed 0 --q-output new/q.safetensors \
    --k-output new/k.safetensors --history new/history.csv --resume resume.pt"""


class _Way(NamedTuple):
    """What a method learns from, and the options that go with it."""

    called: str
    setup: type[Setup]
    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


_WAYS = {
    "bank": _Way(
        "a bank",
        HalfRound,
        ("side", "round", "frozen", "bank"),
        ("near_duplicates", "teacher", "training", "copies"),
    ),
    "pairs": _Way("pairs", OnPairs, ("images", "training", "model", "copies")),
    "fresh": _Way("fresh copies", OnFreshCopies, ("images", "training", "fresh_copies", "edits")),
}
_OPTIONS = dict.fromkeys(name for way in _WAYS.values() for name in way.needed + way.optional)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    trained = [name for name, method in METHODS.items() if method.learns]
    parser.add_argument("--method", choices=trained, required=True)
    parser.add_argument("--config", type=Train.parse, required=True, help="the `train` section")
    parser.add_argument("--start", type=Path, required=True, help="weights to begin with")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--copies", nargs="+", metavar="TAR", action="append",
        help="shards of a round's copies; on pairs, repeat it for more rounds",
    )  # fmt: skip
    parser.add_argument("--training", metavar="MANIFEST", help="of the originals")
    _add_of_one_encoder(parser)
    _add_of_bank(parser.add_argument_group("from a bank"))
    _add_outputs(parser)
    _add_running(parser)


def _add_of_one_encoder(parser: argparse.ArgumentParser) -> None:
    both = parser.add_argument_group("one encoder for both sides")
    both.add_argument("--images", type=count, help="to see in all")
    on_pairs = parser.add_argument_group("on pairs")
    on_pairs.add_argument("--model", type=Model.parse, help="the `model` section, for the head")
    fresh = parser.add_argument_group("from copies that are made while it learns")
    fresh.add_argument(
        "--fresh-copies", type=Copies.parse, help="`side` of the `copies` section, as JSON"
    )
    fresh.add_argument("--edits", type=Pool.parse, help="what they are edited with")


def _add_of_bank(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--side", choices=["q", "k"], help="that is trained")
    group.add_argument("--round", type=int)
    group.add_argument("--frozen", type=Path, help="weights of the other side")
    group.add_argument("--bank", type=Path, nargs="+", help="its shards, in order")
    group.add_argument(
        "--near-duplicates", metavar="CSV", help="id,near_duplicate: no negatives of each other"
    )
    group.add_argument(
        "--teacher", type=Path, metavar="H5", action="append",
        help="the images by another model, to learn from; repeat it for more shards, in order",
    )  # fmt: skip


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    part = ", of each of some equal parts of the training"
    for side in "qk":
        parser.add_argument(
            f"--{side}-output", type=output_file, nargs="+", required=True, metavar="FILE",
            help=f"weights of side {side}{part}",
        )  # fmt: skip
    parser.add_argument(
        "--history", type=output_file, nargs="+", required=True, metavar="CSV",
        help=f"its health{part}",
    )  # fmt: skip


def _add_running(parser: argparse.ArgumentParser) -> None:
    """Declare what changes no result."""
    parser.add_argument("--resume", type=kept_file, required=True, help="the resume state")
    parser.add_argument("--tensorboard", default="", metavar="DIR", help="scalars to look at")
    parser.add_argument(
        "--storage", default="", metavar="PLUGIN",
        help="of Snakemake, in which both are addresses (s3://bucket/state.pt), not on a disk",
    )  # fmt: skip
    parser.add_argument("--log-every", type=count, metavar="STEPS", help="a row of its health")
    parser.add_argument(
        "--checkpoint-every", type=count, metavar="STEPS", help="a resume state, and every minute"
    )
    parser.add_argument("--processes", type=at_once, default=1, help="that share batch and bank")
    parser.add_argument("--threads", type=at_once, default=1, help="of all processes together")


def run(arguments: argparse.Namespace) -> None:
    """Train, and write the weights of both sides."""
    _refuse_mixed(arguments, METHODS[arguments.method])
    with run_distributed(arguments.processes, arguments.threads) as (device, threads):
        _train(arguments, device, threads)


def _refuse_mixed(arguments: argparse.Namespace, method: Method) -> None:
    """Refuse options that do not go with what the method learns from."""
    way = _WAYS[method.learns_from]
    given = [name for name in _OPTIONS if getattr(arguments, name) is not None]
    lacks = [name for name in way.needed if name not in given]
    wrong = [name for name in given if name not in way.needed + way.optional]
    remedies = [
        f"{verb} {', '.join('--' + name.replace('_', '-') for name in names)}"
        for verb, names in (("give", lacks), ("leave out", wrong))
        if names
    ]
    if remedies:
        told = f"--method {arguments.method} learns from {way.called}"
        raise UserError(f"{told}: {'; '.join(remedies)}")
    learned = len(arguments.copies or []) + (arguments.training is not None)
    if method.has_rounds and learned != 1:
        raise UserError("--copies, --training: a side learns from one of them; give one, once")
    for name in ("resume", "tensorboard"):
        if "://" in getattr(arguments, name) and not arguments.storage:
            raise UserError(f"--{name}: an address in a storage; name its plugin, --storage")
    parts = {len(getattr(arguments, name)) for name in ("q_output", "k_output", "history")}
    if len(parts) > 1 or (method.has_rounds and parts != {1}):
        many = "one" if method.has_rounds else "as many"
        raise UserError(f"--q-output, --k-output, --history: give {many} of each")


def _train(arguments: argparse.Namespace, device: torch.device, threads: int) -> None:
    method = METHODS[arguments.method]
    setup = _WAYS[method.learns_from].setup(arguments, device, threads)
    set_threads(setup.torch_threads)
    config = _config(arguments, setup)
    torch.manual_seed(config.seed)
    encoder = load_encoder(arguments.start)
    encoder.precision = arguments.config.precision
    images, objective = setup.prepare(encoder, method.load_objective())
    if not len(images):
        raise UserError("--training, --copies: there is no image to learn from; name other files")
    trained_on = told_device(encoder.precision, device)
    setup.facts = {**told_of_training(arguments), **descent(arguments), "trained_on": trained_on}
    parts = len(arguments.history)
    encoder, objective = encoder.to(device), objective.to(device)
    training = Training(encoder, objective, config, parts, setup.validation())
    checkpoint = Checkpoint(arguments.resume, _fingerprint(arguments), arguments.storage)
    scalars = Scalars(arguments.tensorboard, arguments.storage)
    training.run(images, setup.workers, checkpoint, scalars)
    setup.write(training)
    if distributed.rank() == 0:
        checkpoint.remove()


def _config(arguments: argparse.Namespace, setup: Setup) -> TrainConfig:
    """Return how to train, with a seed of this training's own."""
    seed = np.random.default_rng((arguments.seed, setup.number)).integers(2**31)
    told = {key: getattr(arguments, key) for key in ("log_every", "checkpoint_every")}
    method = METHODS[arguments.method]
    values = {
        **arguments.config.values(),
        **setup.settings.values(),
        **{key: value for key, value in told.items() if value},
        "views": method.views,
        "smallest_batch": method.smallest_batch,
        "images": setup.budget,
        "seed": int(seed),
    }
    return TrainConfig(**{f.name: values[f.name] for f in fields(TrainConfig) if f.name in values})


def _fingerprint(arguments: argparse.Namespace) -> str:
    """Return the digest of all that the outcome depends on."""
    names = ("method", "side", "round", "images", "seed")
    shards = [shard for round_copies in arguments.copies or [] for shard in round_copies]
    inputs = [arguments.start, arguments.frozen, *(arguments.bank or []), arguments.training]
    inputs += [*shards, arguments.near_duplicates, *(arguments.teacher or [])]
    return fingerprint(
        **{name: getattr(arguments, name) for name in names},
        config=arguments.config.given,
        **{
            key: value and value.given
            for key in ("model", "fresh_copies", "edits")
            for value in [getattr(arguments, key)]
        },
        parts=len(arguments.history),
        inputs=[sha256_of(path) for path in inputs if path],
        code=code_digest("train", *modules(arguments.method)),
    )
