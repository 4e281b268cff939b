"""Checking config.yaml with errors that say which key is wrong, before any of the work.

What the config alone tells is told here, in a moment: no network is made and no image looked at.
The rest is told by the first jobs, which have priority (workflow/rules).
"""

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from iscqk.datasets import SOURCES
from iscqk.errors import UserError
from iscqk.formats.model_files import is_safetensors
from iscqk.formats.phases import PHASES
from iscqk.formats.submission import MAX_DIMENSION
from iscqk.images.edit_chains import EditPool
from iscqk.learning.training_rules import (
    refuse_few_at_once,
    refuse_few_steps,
    refuse_idle_teacher,
    refuse_norms_of_parts,
    refuse_short_queue,
    refuse_uneven_batch,
    steps_of,
)
from iscqk.methods import METHODS, own_section
from iscqk.models.ready import READY
from iscqk.models.timm_names import refuse_unknown_network
from iscqk.plan.dependence import budget, training_edits
from iscqk.plan.held_out import HeldOut, refuse_too_few
from iscqk.plan.idle_keys import refuse_idle
from iscqk.plan.teachers import refuse_unfit_teacher
from iscqk.retrieval.rankings import RANKINGS
from iscqk.settings.config import complete
from iscqk.settings.edits import Pool
from iscqk.settings.queries import DRAW_MORE, Queries, refuse_impossible

_MOST_JOBS = 100_000
_OF_SEVERAL = {"head": "mlp_bn", "batch_norm": "batch"}  # take statistics of what is seen at once
_NO_FILES = (READY, "none", "pretrained")  # of `model.weights`


def check_config(config: dict[str, Any]) -> None:
    """Fill the defaults into a configuration, and check it: by the settings, and against itself.

    Raises:
        UserError: the first thing wrong, with the key and the remedy.
    """
    complete(config)
    _refuse_another_source(config["dataset"])
    _refuse_many_queries(config)  # of sections that all runs share
    # Of the submission: other runs may have rounds, and one of an ablation may leave out just that
    # which a key goes with.
    refuse_idle(config)
    _refuse_unused_head(config["train"])
    check_run(config)


def check_run(config: dict[str, Any]) -> None:
    """Check a run's config, which is complete, against itself.

    Raises:
        UserError: as `check_config`.
    """
    _refuse_many_jobs(config)
    _refuse_unfit_rankings(config)
    _refuse_all_gist(config)
    _refuse_unknown_networks(config)
    _refuse_impossible_edits(config)
    _refuse_few_copies(config)


def check_training(config: dict[str, Any]) -> None:
    """Check what a configuration says of its training, where that is asked for.

    Args:
        config: a run's, which has passed `check_config`.

    Raises:
        UserError: as there.
    """
    _refuse_unfit_batches(config["train"])
    _refuse_short_training(config)
    _refuse_unfit_held_out(config)


@contextmanager
def _at(section: str = "") -> Iterator[None]:
    """Say of errors that begin with a key that it is of the config, in a section of it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"config: {section}{error}") from None


def _refuse_another_source(dataset: Mapping[str, Any]) -> None:
    """Refuse to leave out images that are named, where they are not of the kind that is asked for.

    What the demo is to draw stays in a config whatever its kind, as config.yaml has it.
    """
    kind, taken = dataset["kind"], SOURCES[dataset["kind"]].takes
    for key in dataset if taken is not None else ():
        of = [name for name, source in SOURCES.items() if key in (source.takes or ())]
        if of and kind not in of and key != "demo":
            raise UserError(
                f"config: dataset.{key}: says nothing with kind: {kind}; set dataset.kind to "
                f"{' or '.join(of)}, or remove it"
            )


def _refuse_many_jobs(config: Mapping[str, Any]) -> None:
    """Refuse rounds and shards that are few each, and together more jobs than can be planned."""
    rounds, shards = config["train"]["rounds"], config["shards"]["training"]
    if rounds * shards > _MOST_JOBS:
        raise UserError(
            f"config: train.rounds: {rounds} of {shards} shards.training each are "
            f"{rounds * shards} jobs; lower one of them, to {_MOST_JOBS} together"
        )


def _refuse_unfit_rankings(config: Mapping[str, Any]) -> None:
    size, describe = config["model"]["descriptor_size"], config["describe"]["ranking"]
    rankings = config["score"]["rankings"]
    for name in dict.fromkeys([describe, *rankings]):
        if size + (needed := RANKINGS[name].dimensions) > MAX_DIMENSION:
            raise UserError(
                f"config: model.descriptor_size: {size} leaves no dimension for ranking by {name}; "
                f"lower it to {MAX_DIMENSION - needed}, or take {name} out of "
                "describe.ranking and score.rankings"
            )
    if describe not in rankings:
        raise UserError(f"config: score.rankings: add {describe}, which describe.ranking submits")


def _refuse_all_gist(config: Mapping[str, Any]) -> None:
    """Refuse dimensions of GIST's that leave the network none."""
    size, gist = config["model"]["descriptor_size"], config["describe"]["gist_size"]
    if config["describe"]["gist"] and gist >= size:
        raise UserError(
            f"config: describe.gist_size: {gist} of model.descriptor_size, {size}, "
            "leaves the network no dimension; lower it"
        )


def _refuse_unknown_networks(config: Mapping[str, Any]) -> None:
    """Refuse names of networks that timm does not have, and of weights that are none."""
    weights, backbone = (config["model"][key] for key in ("weights", "backbone"))
    is_named_so = weights in _NO_FILES or weights.endswith(".safetensors")
    if not (is_named_so or os.path.isfile(weights)):
        near = difflib.get_close_matches(weights, _NO_FILES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_NO_FILES)}"
        raise UserError(f"config: model.weights: no file {weights}; {hint}")
    if not (is_named_so or is_safetensors(weights)):
        raise UserError(
            f"config: model.weights: {weights} is not safetensors; make an encoder of it: iscqk "
            f"import-weights {weights} --backbone {backbone or 'NAME'} --output FILE.safetensors"
        )
    if weights != READY and backbone:
        refuse_unknown_network(backbone, "model.backbone")
    refuse_unknown_network(config["benchmarks"]["images"]["backbone"], "benchmarks.images.backbone")


def _refuse_impossible_edits(config: dict[str, Any]) -> None:
    """Refuse pools that no chain can be drawn from, those of later rounds too."""
    edits = config["edits"]
    pools = {f"edits.{name}": edits[name] for name in ("training", *PHASES)}
    for number in sorted({change["round"] for change in edits["curriculum"]}):
        pools[f"edits.curriculum, round {number}"] = training_edits(config, number)
    for where, pool in pools.items():
        _refuse_impossible_pool(where, json.dumps(pool, sort_keys=True))


@cache  # most runs have the same
def _refuse_impossible_pool(where: str, pool: str) -> None:
    with _at(f"{where}: "):
        EditPool(**Pool.parse(pool).values())


def _refuse_unfit_batches(train: Mapping[str, Any]) -> None:
    """Refuse settings of a method that do not go with each other, those of a warm-up too."""
    method = train["method"]
    if not METHODS[method].learns:
        return
    own = own_section(train)
    for name in [method, *(["simclr"] if own.get("warm_up_images") else [])]:
        with _at(f"train.{name}."):
            _refuse_unfit_batch(name, train[name], train["processes"])
    if METHODS[method].has_rounds and own["teacher"]:
        with _at(f"train.{method}."):
            refuse_idle_teacher(own["soft_targets"])
            refuse_unfit_teacher(own["teacher"])


def _refuse_unfit_batch(method: str, own: Mapping[str, Any], processes: int) -> None:
    """Refuse a batch that cannot be split, or is of too few or too many images."""
    batch, accumulate = own["batch_size"], own.get("accumulate", 1)  # a key on a bank only
    refuse_uneven_batch(batch, processes, accumulate)
    refuse_norms_of_parts(accumulate, own["batch_norm"] == "batch")
    refuse_short_queue(own.get("queue", batch), batch)
    takes = {method: METHODS[method].smallest_batch}
    takes |= {f"{key}: {value}": 2 for key, value in _OF_SEVERAL.items() if own.get(key) == value}
    refuse_few_at_once(batch, accumulate, takes)


def _refuse_short_training(config: dict[str, Any]) -> None:
    """Refuse a training of fewer steps than the parts that its models are kept after."""
    train, method = config["train"], METHODS[config["train"]["method"]]
    if not train["rounds"] or not method.trains_one:
        return
    images = budget(config)
    steps = steps_of(images, method.views * own_section(train)["batch_size"])
    with _at():
        refuse_few_steps(images, steps, train["method"], config["study"]["points"])


def _refuse_few_copies(config: Mapping[str, Any]) -> None:
    """Refuse a method that takes more copies of an image than are made."""
    method, made = config["train"]["method"], config["copies"]["per_image"]
    own = own_section(config["train"])
    pairs = 2 if own.get("partner") == "copy" else 1
    for key, needed in {"bank_views": own.get("bank_views", 1), "partner": pairs}.items():
        if needed > made:
            raise UserError(
                f"config: train.{method}.{key}: {own[key]} takes {needed} copies of an image; "
                f"raise copies.per_image to {needed}"
            )


def _refuse_many_queries(config: Mapping[str, Any]) -> None:
    """Refuse more queries than are made of the images that will be there, where that is known."""
    source = SOURCES[config["dataset"]["kind"]]
    if source.drawn:
        known = source.known(config["dataset"])
        refuse_impossible(Queries.parse(config["queries"]), known, PHASES, DRAW_MORE)


def _refuse_unfit_held_out(config: Mapping[str, Any]) -> None:
    """Refuse to hold out one image, or all there will be: if unknown here, `prepare` does."""
    known, train = SOURCES[config["dataset"]["kind"]].known(config["dataset"]), config["train"]
    if "training" in known and train["rounds"]:
        held_out = own_section(train).get("validation_images", 0)
        refuse_too_few([HeldOut(train["method"], held_out)], known["training"])


def _refuse_unused_head(train: Mapping[str, Any]) -> None:
    """Refuse a live head of two networks where there is one, which learns its own."""
    own = own_section(train)
    if own.get("live_head") and own.get("sides") == "one":
        raise UserError(
            f"config: train.{train['method']}.live_head: the only network of sides: one learns its "
            "head itself; set false, or sides: two"
        )
