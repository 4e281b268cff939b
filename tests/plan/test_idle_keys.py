"""Ablations of which two settings differ only in what says nothing beside the rest."""

import pytest

from configs import configured, with_keys
from iscqk.errors import UserError
from iscqk.plan import runs
from iscqk.plan.checks import check_config
from iscqk.plan.runs import all_runs, runs_of

CONFIG = configured()


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"model.whitening": [0, 1]}, "model.whitening says nothing at model.weights ready"),
        ({"model.head_images": [20, 9]}, "model.head_images .*, so that 20 and 9 would be alike"),
        (
            {"train.qk.teacher_temperature": [0.1, 0.2, 0.3]},
            "train.qk.teacher_temperature says nothing at train.qk.soft_targets 0, so that .* chan",
        ),
        ({"describe.gist_size": [0, 9]}, "describe.gist_size says nothing at describe.gist 0"),
        (
            {"describe.gist_whitening": [0, 1], "describe.gist": [1, 1]},
            "describe.gist_whitening says nothing at describe.gist_size 0",
        ),
        (
            {"describe.gist_whitening": [0, 1], "describe.gist_size": [9, 9]},
            "describe.gist.* says nothing at describe.gist 0, so that .* change describe.gist$",
        ),
        ({"describe.subtract_nearest": [5, 10]}, "describe.subtract_nearest says nothing at"),
        (
            {"train.method": ["moco"] * 2, "train.moco.head": ["mlp"] * 2}
            | {"train.moco.refit_head": [False, True]},
            "train.moco.refit_head says nothing at train.moco.head mlp",
        ),
        (
            {"a": {"train.method": "solo"}, "b": {"train.method": "solo", "copies.quality": 50}},
            "copies.quality says nothing at train.method solo, so that a and b would be alike",
        ),
        (
            {"train.method": ["solo"] * 2, "train.solo.patience": [1, 2]},
            "train.solo.patience says nothing at train.solo.validation_images 0",
        ),
        (
            {"train.method": ["solo"] * 2, "edits.phase2.strength": [[0, 1], [0, 0.5]]},
            "edits.phase2: all runs share it",
        ),
    ],
    ids=str,
)
def test_an_ablation_of_equals_is_refused(keys, complaint):
    config = with_keys({"study.ablations": {"a": keys}})
    with pytest.raises(UserError, match=f"^config: study.ablations.a: {complaint}"):
        runs_of(config, ["ablation_a"])
    if "all runs share it" not in complaint:
        assert runs_of(config, ["all"]) == ["qk-0"]  # a file laid over it may have made them equal


@pytest.mark.parametrize(
    "keys",
    [
        {"model.whitening": [0, 1], "model.descriptor_size": [128, 128]},  # which narrows the head
        {"model.whitening": [0, 1], "train.method": ["moco", "moco"]}
        | {"train.moco.head": ["mlp", "mlp"]},
        {"train.qk.soft_targets": [0, 0.5, 0.5], "train.qk.teacher_temperature": [0.1, 0.1, 0.2]},
        {"describe.gist": [0, 1], "describe.gist_size": [0, 9]},
        {"train.method": ["solo", "solo"], "copies.side": [96, 160], "copies.quality": [50, 90]},
    ],
    ids=str,
)
def test_an_ablation_that_changes_something_is_none_of_equals(keys):
    all_runs(with_keys({"study.ablations": {"a": keys}}))


def test_keys_that_say_nothing_may_stand_in_a_config():
    """`model.head_images` of disc21.yaml does, under disc21-ready.yaml."""
    check_config(runs.changed(CONFIG, {"model.head_images": 9, "describe.gist_size": 9}))
