"""What weights say of how they were made: of their own training, and of all that led to it.

`iscqk submit` compares it with the config (`iscqk.submission.as_configured`). Rounds that were told
the same say so once, that of many rounds the weights' metadata stay small.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from iscqk.formats.copy_shards import provenance_of
from iscqk.formats.descriptor_shards import provenances
from iscqk.formats.files import sha256_of
from iscqk.models.weights import read_provenance

Facts = dict[str, Any]

_OF_A_TRAINING = ("method", "train", "seed", "images", "model", "edits", "copies")


def told_of_training(arguments: argparse.Namespace) -> Facts:
    """Return what a training was told of what decides its numbers, in the shape of the config.

    Args:
        arguments: of `iscqk train`.
    """
    sections = {"model": arguments.model, "copies": arguments.fresh_copies}
    return {
        "method": arguments.method,
        "train": arguments.config.given,
        "seed": arguments.seed,
        **({"images": arguments.images} if arguments.images else {}),
        **{name: section.given for name, section in sections.items() if section},
        **({"edits": {"training": arguments.edits.given}} if arguments.edits else {}),
    }


def descent(arguments: argparse.Namespace) -> Facts:
    """Return what led to a training: the first weights, trainings before it, copies, given files.

    Args:
        arguments: of `iscqk train`.

    Returns:
        `initial`, facts of the weights that all began with; `earlier`, what other trainings were
        told, each once; `copies_of_rounds`, of what made their copies; `given_sha256` of files of
        the user's that images are learned by.
    """
    paths = [path for path in (arguments.start, arguments.frozen) if path]
    parents = [read_provenance(path) for path in paths]
    copies = [parent.get("copies_of_rounds", {}) for parent in parents]
    given = [digest for parent in parents for digest in parent.get("given_sha256", [])]
    return {
        "initial": _initial(parents[0]),
        "earlier": _earlier(parents),
        "copies_of_rounds": {
            **{number: made for one in copies for number, made in one.items()},
            **_of_copies(arguments.copies or []),
        },
        "given_sha256": sorted({*given, *_of_given(arguments)}),
    }


def _initial(parent: Facts) -> Facts:
    """Return the facts of the weights that all began with; none of those of another maker."""
    if "initial" in parent:
        return dict(parent["initial"])
    return parent if parent.get("half_round") == "initial" else {}


def _earlier(parents: Iterable[Facts]) -> list[Facts]:
    found: list[Facts] = []
    for parent in parents:
        own = {key: parent[key] for key in _OF_A_TRAINING if key in parent}
        for one in [*parent.get("earlier", []), *([own] if "train" in own else [])]:
            if one not in found:
                found.append(one)
    return found


def _of_copies(rounds: Iterable[Sequence[str]]) -> dict[str, Facts]:
    """Return by round the settings that made copies, by digest, and the seed: what shards tell."""
    made = [provenance_of(shards[0]) for shards in rounds]
    told = ("edits_sha256", "seed")
    return {
        str(one["round"]): {k: one[k] for k in told if k in one} for one in made if "round" in one
    }


def _of_given(arguments: argparse.Namespace) -> set[str]:
    """Return the digests of the files by which others say something of images.

    A network that teaches is told by what it made.
    """
    teachers: list[Path] = arguments.teacher or []
    given = [path for path in (arguments.near_duplicates, *teachers) if path]
    networks = (facts.get("weights_sha256") for _, facts in provenances(teachers))
    return {sha256_of(path) for path in given} | {str(one) for one in networks if one}
