"""What a configuration must not hold is told before any job, and what is just enough passes."""

from datetime import date

import pytest
import torch
from safetensors.torch import save

from configs import configured, with_keys
from iscqk.errors import UserError
from iscqk.plan import runs
from iscqk.plan.checks import check_config, check_training
from iscqk.plan.runs import all_runs, runs_of

CONFIG = configured()


def test_sections_of_anything_may_be_left_out():
    config = configured()
    del config["study"]["ablations"], config["unbalanced"]
    check_config(config)
    assert "unbalanced-isd-0" in all_runs(config) and runs_of(config, ["ablations"]) == ["qk-0"]


def test_gist_leaves_the_network_a_dimension():
    given = {"model.descriptor_size": 64, "describe.gist": 0.5, "describe.gist_size": 64}
    with pytest.raises(UserError, match="gist_size: 64 of model.descriptor_size, 64, leaves the"):
        check_config(runs.changed(CONFIG, given))
    check_config(runs.changed(CONFIG, {**given, "describe.gist": 0}))  # then it counts for nothing


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"train.qk.bank_views": 2}, "train.qk.bank_views: 2 takes 2 copies of an image; raise"),
        (
            {"train.method": "isd", "train.isd.partner": "copy"},
            "train.isd.partner: copy takes 2 copies of an image; raise copies.per_image to 2",
        ),
    ],
)
def test_copies_that_will_be_too_few_are_told_before_any_are_made(changes, complaint):
    few = runs.changed(CONFIG, changes)
    with pytest.raises(UserError, match=complaint):
        check_config(few)
    check_config(runs.changed(few, {"copies.per_image": 2}))
    check_config(runs.changed(few, {"train.method": "simclr"}))  # which does not take them


def bomb():
    value = [0] * 10
    for _ in range(20):
        value = [value] * 10
    return value


LOOP = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("train.qk.temperature", float("nan"), "train.qk.temperature: nan is no number"),
        ("train.qk.learning_rate", float("inf"), "train.qk.learning_rate: inf is no number"),
        ("model.backbone_options", {"x": bomb()}, "over 100000 values"),
        ("model.backbone_options", {"x": LOOP}, "over 100000 values"),
        ("model.backbone", "hf-hub:someone/model", "not a name of letters"),
        ("edits.training.names", ["blur; rm"], "not a name of letters"),
        ("dataset.training", "a{b}", "not a path without line breaks and braces"),
        ("dataset.others", ["a", "b\nc"], "not a path without line breaks and braces"),
        ("train.qk.near_duplicates", "{x}.csv", "not a path without line breaks and braces"),
        ("title", "a\x1b[2J", "not one line"),
        ("title", "a\n", "not one line"),
        ("train.rounds", 1_000_000, "train.rounds: 1000000 is greater than the maximum of 1000"),
        ("shards.references", 10**6, "references: 1000000 is greater than the maximum of 100000"),
        ("study.points", 10**6, "study.points: 1000000 is greater than the maximum of 1000"),
        ("study.seeds", [*range(999)], "study.seeds: 999 values, and at most 100 can be; leave"),
        ("dataset.demo.training", 10**7, "training: 10000000 is greater than the maximum of 1000"),
        ("describe.sizes", [10**6], "describe.sizes.0: 1000000 is greater than the maximum of 8"),
        ("title", None, "None is not of type 'string'; leave the key out, or if it is a name, wr"),
        ("dataset.training", 2024, "2024 is not valid; .*; if it is a name, write it in quotes$"),
        ("dataset.training", False, "False is not valid; .*; if it is a name, write it in quotes"),
        ("dataset.training", ["a", 2023], "2023 is not of type 'string'; if it is a name, write i"),
        ("title", 2024.0, "title: 2024.0 is not of type 'string'; if it is a name, write it in q"),
        ("dataset.training", date(2021, 5, 1), "dataset.training: 2021-05-01 is no text to YAML"),
        ("model.backbone_options", {"x": b"y"}, "options.x: b'y' is no text to YAML; write it in"),
        ("model.backbone_options", {1: 2}, "options: the key 1 is no text to YAML; write"),
        ("study.ablations", {"a\n": {"seed": [1]}}, "does not match"),
        (
            "study.ablations",
            {"a": {"seed": 1}},
            "{'seed': 1} is not valid; write keys, each with a l",
        ),
        ("model.mean", 0.5, "model.mean: 0.5 is not valid; write null, or a list of 3$"),
        (
            "dataset.phase2",
            {"queries": "a"},
            "phase2: 'ground_truth' is a re.*; add it: CSV query_",
        ),
        ("train.rounds", 1e4, "10000.0 is not of type 'integer'; write it without point"),
        ("train.rounds", True, "True is not of type 'integer'"),
        ("train.rounds", "2", "'2' is not of type 'integer'; write it in a file for --configfile"),
        ("queries", 100, "queries: 100 is no section; its keys are count, copies, side, quality"),
        ("queries", None, "queries: None is no section; its keys are count"),
        ("study.ablations", [1], r"study.ablations: \[1\] is no section; write keys and values"),
        ("seed", 2**63, "seed: a number of over 9223372036854775807; lower it"),
        ("study.seeds", [0, 10**5000], "study.seeds: a number of over 9223372036854775807"),
        ("model.std", [0.2, 0, 0.2], "model.std.1: 0 is less than or equal to the minimum of 0"),
        ("model.std", [58, 57, 57], "model.std.0: 58 is greater than the maximum of 1"),
        ("model.mean", [123.7, 116.3, 103.5], "model.mean.0: 123.7 is greater than the maximum"),
    ],
    ids=range(40),
)
def test_what_a_config_must_not_hold_is_refused_in_one_line(key, value, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        check_config(with_keys({key: value}))
    assert str(error.value).isprintable()


FROM_RANDOM = {"model.weights": "none", "model.backbone": "resnet18"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"edits.phase1.names": ["crop", "blurr"], "edits.phase1.length": [1, 1]},
            "edits.phase1: unknown edit 'blurr': did you mean blur",
        ),
        ({"edits.phase2.required": ["perspective"]}, "edits.phase2: unknown edit 'perspective'"),
        ({"edits.training.strength": [0.6, 0.2]}, "edits.training: edit pool: strength .*low"),
        (
            {"edits.curriculum": [{"round": 1}, {"round": 3, "names": ["crop"]}]},
            r"edits.curriculum, round 3: .* do not repeat, and there are 1 names",
        ),
        (
            {**FROM_RANDOM, "model.backbone": "resnt18"},
            "model.backbone: timm knows no network 'resnt18'; did you mean resnet18",
        ),
        (
            {"benchmarks.images.backbone": "qqq"},
            "benchmarks.images.backbone: timm knows no network 'qqq'; `timm.list_models",
        ),
        ({"model.weights": "redy"}, "model.weights: no file redy; did you mean ready"),
        (
            {**FROM_RANDOM, "model.weights": "encoder.pt"},
            "model.weights: no file encoder.pt; known are ready, none, pretrained",
        ),
        (
            {**FROM_RANDOM, "model.weights": __file__},
            "model.weights: .*test_checks.py is not .*; make an encoder of it: iscqk "
            "import-weights .*test_checks.py --backbone resnet18 --output FILE.safetensors",
        ),
        (
            {"train.method": "solo", "train.solo.validation_images": 4999},
            "train.solo.validation_images: 4999 of 5000 training images leave none to learn from; "
            "lower it to 4998, or add training images",
        ),
        (
            {"train.method": "solo", "train.solo.validation_images": 1},
            "train.solo.validation_images: 1 image alone is always found; raise it to at least 2",
        ),
        (
            {"train.method": "moco", "train.moco.queue": 63},
            "train.moco.queue: 63 is shorter than a batch of 64; raise it",
        ),
        (
            {"train.qk.accumulate": 8, "train.processes": 3},
            "train.qk.batch_size: 64 is no multiple of train.processes times .*accumulate, 24",
        ),
        (
            {"train.qk.warm_up_images": 9, "train.processes": 2, "train.simclr.batch_size": 3},
            "train.simclr.batch_size: 3 is no multiple of train.processes times .*, 2",
        ),
        (
            {"train.method": "simclr", "train.simclr.batch_size": 1},
            "train.simclr.batch_size: 1 is too few for simclr, which takes 2 at once; raise",
        ),
        (
            {"train.method": "isd", "train.isd.batch_size": 1},
            "train.isd.batch_size: 1 is too few for isd, which takes 2 at once; raise it to 2",
        ),
        (
            {"train.method": "moco", "train.moco.batch_size": 1, "train.moco.head": "mlp_bn"},
            "train.moco.batch_size: 1 is too few for head: mlp_bn, which takes 2 at once; raise",
        ),
        (
            {"train.qk.accumulate": 2, "train.qk.batch_norm": "batch"},
            "train.qk.accumulate: batch norms would take the statistics of each part; set batch_no",
        ),
        (
            {"train.qk.batch_size": 1, "train.qk.batch_norm": "batch"},
            "train.qk.batch_size: 1 is too few for batch_norm: batch, which takes 2 at once; raise",
        ),
        (
            {"train.qk.warm_up_images": 900, "train.simclr.batch_size": 1},
            "train.simclr.batch_size: 1 is too few for simclr",
        ),
        (
            {"train.rounds": 1000, "shards.training": 1000},
            "train.rounds: 1000 of 1000 shards.training each are 1000000 jobs; lower one of them",
        ),
        ({"train.qk.teacher": "a.h5"}, "train.qk.teacher: says nothing at soft_targets 0"),
        *(
            (
                {"train.qk.soft_targets": 0.5, "train.qk.teacher": f"sscd.{ending}"},
                rf"train.qk.teacher: sscd.{ending} is neither a network of iscqk \(.safetensors\) "
                r"nor descriptors \(.h5\); make that of weights by iscqk import-weights, or write "
                r"these .*docs/how-to/weights.md",
            )
            for ending in ("pt", "pth", "onnx", "ts", "torchscript.pt")
        ),
        (
            {"train.qk.live_head": True, "train.qk.sides": "one"},
            "train.qk.live_head: the only network of sides: one learns its head itself; set false",
        ),
        *(
            (
                {"train.method": "solo", f"train.solo.{key}": 3},
                f"train.solo.{key}: says nothing at validation_images 0; raise these",
            )
            for key in ("patience", "validate_every")
        ),
        (
            {"train.method": "simclr", "train.images_per_half_round": 255},
            "study.points: 510 images make 3 steps of simclr, too few for 4 parts; raise",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_only_its_own_job_would_tell_is_told_before_any(changes, complaint):
    config = with_keys(changes)
    with pytest.raises(UserError, match=f"^config: {complaint}") as error:
        check_config(config)
        check_training(config)
    assert str(error.value).isprintable()


def test_a_teacher_that_is_no_network_of_iscqk_is_told_before_any_job(tmp_path):
    path = tmp_path / "timm.safetensors"
    config = with_keys({"train.qk.soft_targets": 0.5, "train.qk.teacher": str(path)})
    check_training(config)  # that it is not there, Snakemake tells: it may lie in a bucket
    for content in (save({"a": torch.ones(1)}), save({"a": torch.ones(1)}, {"format": "pt"}), b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match="no network of iscqk; make one of it: iscqk import-we"):
            check_training(config)
    path.write_bytes(save({"a": torch.ones(1)}, {"iscqk": "{}"}))
    check_training(config)


@pytest.mark.parametrize(
    "changes",
    [
        {"train.method": "moco", "train.moco.queue": 64},
        {"train.solo.patience": 3, "copies.per_image": 2},  # of a study's solo, and of its qk
        {"train.method": "solo", "copies.side": 96},
        {"train.method": "solo", "copies.per_image": 2},  # of a study's others
        {"train.method": "simclr", "train.images_per_half_round": 256},
        {"train.method": "solo", "train.solo.validation_images": 4998},
        {"train.method": "solo", "train.solo.validation_images": 2, "train.solo.patience": 1},
        {"train.qk.accumulate": 8, "train.processes": 2},
        {"train.qk.accumulate": 64},
        {"train.qk.batch_size": 2, "train.qk.batch_norm": "batch"},
        {"train.method": "moco", "train.moco.batch_size": 1},
        {"train.method": "isd", "train.isd.batch_size": 2},
        {**FROM_RANDOM, "model.backbone": "vit_base_patch16_224.dino"},
        {**FROM_RANDOM, "model.backbone": "tf_efficientnet_b0_ns"},  # an older name
        {**FROM_RANDOM, "model.weights": "later.safetensors"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_what_is_just_enough_passes(changes):
    config = with_keys(changes)
    check_config(config)
    check_training(config)


@pytest.mark.parametrize(
    ("changes", "idle"),
    [
        ({"train.qk.sides": "one"}, "live_head-true-0"),
        ({"train.qk.live_head": True}, "sides-one-0"),
    ],
    ids=["a head", "a side"],
)
def test_an_ablation_may_leave_out_what_a_key_goes_with(changes, idle):
    config = runs.changed(configured(), changes)
    check_config(config)
    check_training(all_runs(config)[idle])


def test_a_curriculum_of_no_rounds_is_refused():
    later = [{"round": 2, "strength": [0.4, 0.8]}]
    run = runs.changed(configured(), {"edits.curriculum": later, "train.method": "solo"})
    with pytest.raises(UserError, match="edits.curriculum: says nothing to solo"):
        check_config(run)
    beside = runs.changed(run, {"train.method": "qk", "study.methods": ["qk", "solo"]})
    check_config(beside)  # of what is submitted: others of a study have none
    for run in all_runs(beside).values():
        check_training(run)


def test_a_training_is_looked_at_where_it_is_asked_for():
    """Here SimCLR would have too few steps, and only the study has it learn."""
    few = runs.changed(CONFIG, {"train.images_per_half_round": 255})
    made = all_runs(few)
    for targets in ([], ["submission_phase2"], ["results/data/training.csv"], ["ablations"]):
        for name in runs_of(few, targets):
            check_training(made[name])
    assert runs_of(few, ["submission_phase1"]) == ["qk-0"]
    assert runs_of(few, ["ablation_sides"]) == ["qk-0", "sides-two-0", "sides-one-0"]
    assert "unbalanced-isd-2" in runs_of(few, ["unbalanced"])
    with pytest.raises(UserError, match="study.points: 510 images make 3 steps of simclr"):
        for name in runs_of(few, ["study"]):
            check_training(made[name])


PHASE = {"queries": "q", "ground_truth": "g.csv"}


@pytest.mark.parametrize(
    ("dataset", "complaint"),
    [
        ({"kind": "demo", "training": "photos"}, "training: says nothing with kind: demo; set"),
        ({"kind": "disc21", "root": "a", "phase1": PHASE}, "phase1: says nothing with kind: disc2"),
        ({"kind": "folders", "training": "a", "root": "b"}, "root: says nothing with kind: fold"),
        ({"kind": "shards", "references": "a.tar", "root": "b"}, "root: .*kind to disc21, or rem"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_no_images_that_are_named_are_left_out_without_a_word(dataset, complaint):
    """Whoever forgets the kind would get a submission of drawn images."""
    with pytest.raises(UserError, match=rf"^config: dataset\.{complaint}"):
        check_config(with_keys({"dataset": dataset}))
