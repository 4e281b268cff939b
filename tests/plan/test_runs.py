"""Which runs there are, and what an ablation may change of a configuration."""

import pytest

from configs import configured, with_keys
from iscqk.errors import UserError
from iscqk.plan import runs
from iscqk.plan.checks import check_config
from iscqk.plan.dependence import as_text
from iscqk.plan.runs import all_runs
from iscqk.settings.config import complete

CONFIG = configured()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"model.backbone": "resnet50"},
            "model.backbone: resnet50 is not the ready model's, mobilenetv2_100; for another "
            "network set model.weights: none",
        ),
        ({"model.pooling": "quarters"}, "model.pooling: quarters is not the ready model's, gem;"),
        (
            {"model.std": [1, 1, 1]},
            r"model.std: \[1, 1, 1\] is not the ready model's, \[0",
        ),
        ({"model.backbone_options": {"x": 1}}, "is not the ready model's, {'pad_type': 'same'};"),
        ({"model.descriptor_size": 256}, "256 is more than the ready model has; lower it to 255"),
        ({"model.weights": "pretrained"}, "name the network for model.weights: pretrained$"),
        ({"model.weights": "none"}, "for model.weights: none, or lay .*/from-nothing.yaml under"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_network_that_the_weights_are_not_of_is_refused_in_one_line(changes, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        runs.changed(CONFIG, changes)
    assert str(error.value).isprintable()


def test_a_run_may_be_said_to_change_a_key_that_is_left_out_where_it_says_nothing():
    made = runs.changed(CONFIG, {"train.method": "solo"})  # whose runs make copies of their own
    made["edits"]["training"]["weights"] = {}
    complete(made)
    key = "edits.training.weights"
    none, some = (runs.changed(made, {key: weights}, by="study") for weights in ({}, {"hflip": 4}))
    assert none["edits"] == made["edits"] and some["edits"]["training"]["weights"] == {"hflip": 4}


def test_equal_numbers_are_one_text_in_runs_that_change_them_too():
    one, other = (
        runs.changed(CONFIG, {"train.warmup": number}, by="study.ablations.warmup")
        for number in (0, 0.0)
    )
    assert as_text(one) == as_text(other)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"seed.x": [1]}, "seed.x: no such key to change"),
        ({"train.rounds": ["two"]}, "train.rounds: 'two' is not of type 'integer'"),
        ({"train.rounds": [1_000_000]}, "train.rounds: 1000000 is greater than the maximum"),
        ({"train.method": ["qk", "q"]}, "train.method: 'q' is not one of"),
        ({"train.method": [["qk"]]}, r"train.method: \['qk'\] is not"),
        ({"train": [1]}, "train: 1 is no section"),
        ({"train.qk": [None]}, "train.qk: None is no section"),
        ({"copies.side": [96, 160]}, "copies.side: all runs share it; change it in another folder"),
        ({"edits.training.strength": [[0, 1]]}, "edits.training.strength: all runs share it"),
        ({"queries.count": [100]}, "queries.count: all runs share it"),
        ({"search.max_results": [100]}, "search.max_results: all runs share it"),
        ({"study.points": [1]}, "study.points: all runs share it"),
        ({"describe.precision": ["fp32", "bf16"]}, "describe.precision: all runs share it"),
        ({"describe": [{"precision": "fp32"}]}, "describe.precision: all runs share it"),
        ({"train.processes": [1, 2]}, "train.processes: all runs share it"),
        ({"train": [{"log_every": 5}]}, "train.log_every: all runs share it"),
        ({"model": [{"backbone": 3}]}, "model.backbone: 3 is not valid"),
        ({"describe": [None]}, "describe: None is no section"),
        ({"label": {"train.rounds": "two"}}, "train.rounds: 'two' is not of type 'integer'"),
    ],
    ids=str,
)
def test_what_other_runs_change_is_looked_at_before_they_are_planned(changes, complaint):
    """The key that says so is named, as the config itself may be right there."""
    with pytest.raises(UserError, match=f"^config: study.ablations.a: {complaint}") as error:
        all_runs(with_keys({"study.ablations": {"a": changes}}))
    assert str(error.value).isprintable()


def test_an_ablation_of_a_method_that_none_of_its_runs_learns_by_is_refused():
    with pytest.raises(UserError) as error:
        all_runs(with_keys({"study.ablations": {"a": {"train.solo.koleo": [0, 1]}}}))
    what = "train.solo.koleo says nothing to qk; set train.method: solo, too"
    assert str(error.value) == f"config: study.ablations.a: {what}"
    both = {"train.method": ["solo", "qk"], "train.solo.koleo": [1, 0]}
    made = all_runs(with_keys({"study.ablations": {"a": both}}))
    assert made["a-solo-1-0"]["train"]["solo"]["koleo"] == 1


def test_an_ablation_of_how_qk_warms_up_needs_a_warm_up():
    heat = {"train.simclr.temperature": [0.1, 0.2]}
    with pytest.raises(UserError, match="train.simclr.temperature says nothing to qk"):
        all_runs(with_keys({"study.ablations": {"a": heat}}))
    made = all_runs(
        with_keys({"study.ablations": {"a": {**heat, "train.qk.warm_up_images": [1000, 1000]}}})
    )
    assert made["a-0.2-1000-0"]["train"]["simclr"]["temperature"] == 0.2


def test_who_makes_copies_while_it_learns_may_have_its_own():
    label = {"small": {"train.method": "solo", "copies.side": 96}}
    made = all_runs(with_keys({"study.ablations": {"a": label}}))
    assert made["a-small-0"]["copies"]["side"] == 96 != made["qk-0"]["copies"]["side"]


def test_a_section_that_an_ablation_changes_has_the_defaults_of_its_other_keys():
    config = with_keys({"study.ablations": {"a": {"train.qk": [{"batch_size": 32}]}}})
    check_config(config)
    (label,) = (name for name in all_runs(config) if name.startswith("a-"))
    own = all_runs(config)[label]["train"]["qk"]
    assert own["batch_size"] == 32 and own["warm_up_images"] == 0


@pytest.mark.parametrize(
    ("ablations", "complaint"),
    [
        ({"unbalanced": {"seed": [1]}}, "study.ablations.unbalanced: `snakemake unbalanced` calls"),
        ({"images_seen": {"seed": [1]}}, "study.ablations.images_seen: its table has a column of"),
        ({"phase": {"seed": [1]}}, "study.ablations.phase: its table has .*; rename it"),
        ({"a": {"seed": [1, 1]}}, "study.ablations.a: two settings are alike; leave one"),
    ],
    ids=["a name that is taken", "a column", "another", "twice the same"],
)
def test_no_two_runs_have_one_name(ablations, complaint):
    with pytest.raises(UserError, match=complaint):
        all_runs(with_keys({"study.ablations": ablations}))
