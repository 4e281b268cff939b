"""What another config has made is not submitted as made by this one; what this one made is."""

import dataclasses
import functools
import json
from argparse import Namespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from configs import LAID_OVER, configured
from iscqk.errors import UserError
from iscqk.formats.copy_shards import write_copies
from iscqk.formats.files import sha256_of
from iscqk.formats.provenance import digest_of_edits
from iscqk.images.dataset_interface import Sources
from iscqk.methods import METHODS
from iscqk.models.encoder import EncoderConfig
from iscqk.models.ready import ready_networks
from iscqk.plan.dependence import fresh_copies, training_edits, warm_up_images
from iscqk.plan.names import INITIAL, WARM_UP, Content
from iscqk.plan.plan import Plan
from iscqk.plan.runs import changed
from iscqk.retrieval.refining import fit_projection, save_projection
from iscqk.settings.config import complete
from iscqk.settings.copies import Copies
from iscqk.settings.edits import Pool
from iscqk.settings.model import Model
from iscqk.settings.train import Train
from iscqk.stages.initial import _facts, _model
from iscqk.stages.trainings.descent import descent, told_of_training
from iscqk.submission.as_configured import refuse_otherwise_made, refuse_replaced

IMAGES = Sources(["training"], ["references"], ["others"], {}, {})
SIDES = {"queries": "q", "references": "k"}


@pytest.fixture(autouse=True)
def nothing_is_made(tmp_path, monkeypatch):
    """Plan where no results are: what has been made under other names is taken."""
    monkeypatch.chdir(tmp_path)


def plan(presets=("from-nothing",), **changes):
    changes = {key.replace("__", "."): value for key, value in changes.items()}
    return planned(presets, json.dumps(changes))


@functools.cache
def planned(presets, changes):
    config = configured(*presets)
    complete(config)
    return Plan(changed(config, json.loads(changes)), IMAGES)


def write(path, encoder, provenance):
    """Write weights that say what ours do, without any."""
    facts = json.dumps({"encoder": dataclasses.asdict(encoder), "provenance": provenance})
    save_file({"none": np.zeros(1)}, path, {"iscqk": facts})


def encoder_of(model):
    own = {key: getattr(model, key) for key in ("image_size", "pooling", "descriptor_size")}
    means = {key: value for key in ("mean", "std") if (value := getattr(model, key))}
    return EncoderConfig(model.backbone, **own, **means, backbone_options=model.backbone_options)


def copies_of(run, number, folder):
    config, path = run.config, folder / f"copies{number}.tar"
    digest = digest_of_edits(config["copies"], training_edits(config, number))
    made = {"round": number, "seed": config["seed"], "edits_sha256": digest}
    write_copies(path, [], made)
    return [str(path)]


def options(run, name, folder):
    """Return the options by which Snakemake has a model trained, as `iscqk train` takes them."""
    method = "simclr" if name == WARM_UP else run.method
    paths, side = {one: folder / f"{one}.safetensors" for one in "qk"}, name.trained or "q"
    source = METHODS[method].learns_from
    fresh = fresh_copies(run.config) if source == "fresh" else [None, None]
    rounds = {"bank": [name.number] if side == "q" else [], "pairs": [0, 1], "fresh": []}[source]
    return Namespace(
        method=method,
        config=Train.parse(run.train_text(method)),
        seed=run.config["seed"],
        images={True: warm_up_images(run.config), False: run.budget}[name == WARM_UP]
        if source != "bank"
        else None,
        model=Model.parse(run.text("model")) if source == "pairs" else None,
        fresh_copies=fresh[0] and Copies.parse(fresh[0]),
        edits=fresh[1] and Pool.parse(fresh[1]),
        start=paths[side],
        frozen=paths["qk"["kq".index(side)]] if source == "bank" else None,
        copies=[copies_of(run, number, folder) for number in rounds],
        near_duplicates=run.given_of_images[0] if run.given_of_images else None,
        teacher=None,
    )


def make(run, folder):
    """Make what the weights of a run say of themselves, by all its trainings; return the files."""
    model = _model(run.text("model"))
    facts, encoder = _facts(Namespace(seed=run.config["seed"]), model), encoder_of(model)
    paths = {side: folder / f"{side}.safetensors" for side in "qk"}
    for path in paths.values():
        write(path, encoder, facts)
    for name in [run.last] if run.last.trains_one else run.models:
        if name != INITIAL:
            arguments = options(run, name, folder)
            facts = {**told_of_training(arguments), **descent(arguments)}
            facts |= {"half_round": str(name)} if name.is_half_round else {}
            for side in name.trained or "qk":
                write(paths[side], encoder, facts)
    return {role: str(paths[side]) for role, side in SIDES.items()}


def described(run, weights):
    """Return the attributes of descriptors that a run's stages would write."""
    describe = run.config["describe"]
    seen = Content.of(describe).seen or "once"
    own = {key: describe[key] for key in ("gist", "subtract", "subtract_nearest", "precision")}
    if not describe["subtract"]:
        own.pop("subtract_nearest")
    own["projection_sha256"] = sha256_of(weights["projection"]) if len(weights) > 2 else "none"
    sides = {f"{side}_{k}": v for side in ("query", "reference") for k, v in own.items()}
    return {"temperature": describe["temperature"], "query_seen": seen, **sides}


def project(run, weights, folder):
    """Make the projection of a run, if it has one."""
    if not run.projection("initial"):
        return weights
    words = f"{run.joining_options() or '--weights 1'} {run.projection_options()}".split("--")[1:]
    facts = {key: list(map(float, values)) for key, *values in map(str.split, words)}
    path = folder / "projection.safetensors"
    save_projection(path, fit_projection([np.eye(3)], 2, 0.5), facts)
    return {**weights, "projection": str(path)}


def check(made, told, folder):
    """Compare what the submitted run of one plan has made with the config of another."""
    weights = project(made.submitted, make(made.submitted, folder), folder)
    config = json.loads(told.submitted_config("phase2"))
    refuse_otherwise_made(weights, "d.h5", described(made.submitted, weights), config)


@pytest.mark.parametrize("presets", sorted(LAID_OVER), ids=" ".join)
def test_what_a_preset_makes_is_as_it_says(presets, tmp_path):
    made = plan(presets)
    check(made, made, tmp_path)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rounds", [0, 2])
def test_what_each_method_makes_is_as_the_config_says(method, rounds, tmp_path):
    curriculum = [{"round": 2, "strength": [0.0, 0.9]}] if method == "qk" else []
    made = plan(train__method=method, train__rounds=rounds, edits__curriculum=curriculum)
    check(made, made, tmp_path)


def digest(plan):
    """Return how the copies of the first round are told."""
    config = plan.submitted.config
    return digest_of_edits(config["copies"], training_edits(config, 0))[:12]


COPIES = "copies and edits.training (round 0, SHA-256)"
# What the config changes; the rule that makes it again; the value that was made with. Then, where
# they are others than those that are changed: the key, and the value that the config has.
RULES = [
    ("qk", "train.qk.temperature", 0.3, "train_q", 0.05),
    ("qk", "train.weight_decay", 0.3, "warm_up", 0.0001),
    ("qk", "train.images_per_half_round", 77, "train_q", 10000),
    ("qk", "train.qk.warm_up_images", 77, "warm_up", 40000, "images to learn from"),
    ("qk", "train.simclr.temperature", 0.3, "warm_up", 0.1),
    ("qk", "model.image_size", 48, "initial", 64),
    ("qk", "model.whitening", 0.3, "initial", 0.5),
    ("qk", "edits.training.strength", [0.0, 0.1], "copies", digest, COPIES, digest),
    ("qk", "copies.side", 48, "copies", digest, COPIES, digest),
    ("qk", "describe.temperature", 0.3, "merge", 0.05),
    ("qk", "describe.gist", 0.3, "refine", 0),
    ("qk", "describe.subtract", 0.3, "refine", 0),
    (
        *("qk", "describe.sizes", [64, 96], "merge", "once"),
        *("describe.sizes, orientations and trimmed", "64-96"),
    ),
    ("qk", "describe.precision", "fp32", "embed", "auto"),
    ("qk", "seed", 7, "initial", 0),
    ("moco", "train.moco.temperature", 0.3, "learn", 0.1),
    (
        *("moco", "train.images_per_half_round", 77, "learn", 40000 + 2 * 10000),
        *("images to learn from", 40000 + 2 * 77),
    ),
    ("moco", "edits.training.strength", [0.0, 0.1], "copies", digest, COPIES, digest),
    ("solo", "train.solo.temperature", 0.3, "learn", 0.05),
    ("solo", "edits.training.strength", [0.0, 0.1], "learn", [0.0, 0.6]),
    ("solo", "copies.side", 48, "learn", 160),
    ("gist", "model.descriptor_size", 48, "initial", 255),
]


@pytest.mark.parametrize("case", RULES, ids=lambda case: f"{case[0]}, {case[1]}")
def test_what_another_config_has_made_is_told_by_file_key_values_and_remedy(case, tmp_path):
    (method, key, value, rule, then), (*other,) = case[:5], case[5:]
    told, now = (*other, *(key, value)[len(other) :])
    made, asked = plan(train__method=method), plan(**{"train.method": method, key: value})
    if then is digest:
        then, now = digest(made), digest(asked)
    path = "d.h5" if key.startswith("describe.") else tmp_path / "q.safetensors"
    with pytest.raises(UserError) as error:
        check(made, asked, tmp_path)
    assert str(error.value) == (
        f"{path}: made with {told} {then}, and the config says {now}; "
        f"make it again: --forcerun {rule}"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.log_every", 7), ("train.checkpoint_every", 7), ("train.processes", 2),
        ("train.moco.temperature", 0.3), ("edits.phase1.strength", [0.0, 0.1]),
        ("shards.training", 7), ("study.points", 3), ("title", "another"),
        ("describe.subtract_nearest", 7), ("describe.gist_size", 7), ("search.max_results", 7),
    ],
)  # fmt: skip
def test_what_decides_none_of_these_numbers_may_have_changed(key, value, tmp_path):
    check(plan(), plan(**{key: value}), tmp_path)


JOINED = {"describe.gist": 0.5, "describe.gist_size": 32, "describe.gist_whitening": 0.5}


@pytest.mark.parametrize(
    ("key", "value"),
    [("gist", 0.7), ("gist_size", 30), ("gist_size", 0), ("gist_whitening", 1), ("whitening", 0.3)],
)
def test_a_projection_says_what_it_was_made_with(key, value, tmp_path):
    made = plan(**JOINED)
    check(made, made, tmp_path)
    with pytest.raises(UserError, match=f"made with describe.{key} .*--forcerun whiten$"):
        check(made, plan(**{**JOINED, f"describe.{key}": value}), tmp_path)


def test_weights_of_others_and_of_before_tell_nothing(tmp_path):
    made = plan()
    weights, other = make(made.submitted, tmp_path), plan(train__qk__temperature=0.3)
    for path in weights.values():
        write(path, encoder_of(_model(made.submitted.text("model"))), {"imported": {}})
    config = json.loads(other.submitted_config("phase2"))
    refuse_otherwise_made(weights, "d.h5", {}, config)


def test_weights_that_were_replaced_since_training_began_are_told(tmp_path):
    start = tmp_path / "a.safetensors"
    save_file({"none": np.zeros(1)}, start)
    name = str(start)
    made = plan(model__weights=name, model__backbone="resnet18")
    weights = make(made.submitted, tmp_path)
    config = json.loads(made.submitted_config("phase2"))
    refuse_replaced(weights, {name: sha256_of(name), "other": "x"}, config)
    save_file({"none": np.ones(1)}, start)
    with pytest.raises(UserError, match="replaced since the training started from it .*; run the"):
        refuse_replaced(weights, {name: sha256_of(name)}, config)


def test_the_ready_models_files_are_told_by_their_own_digests(tmp_path):
    made = plan(train__rounds=0, model__weights="ready", model__backbone=None)
    weights = make(made.submitted, tmp_path)
    config = json.loads(made.submitted_config("phase2"))
    digests = {name: sha256_of(name) for name in ready_networks()}
    refuse_replaced(weights, digests, config)
    first = next(iter(digests))
    with pytest.raises(UserError, match="replaced since"):
        refuse_replaced(weights, {first: "0" * 64}, config)


def test_near_duplicates_that_were_replaced_are_told(tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("id,near_duplicate\n")
    made = plan(train__qk__near_duplicates=str(pairs))
    weights = make(made.submitted, tmp_path)
    config = json.loads(made.submitted_config("phase2"))
    refuse_replaced(weights, {str(pairs): sha256_of(pairs)}, config)
    pairs.write_text("id,near_duplicate\nT000000,T000001\n")
    with pytest.raises(UserError, match=r"pairs.csv: replaced since"):
        refuse_replaced(weights, {str(pairs): sha256_of(pairs)}, config)
