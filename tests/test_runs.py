"""Runs: what a config asks for, and what runs share."""

import re
from pathlib import Path

import pytest
import yaml

from iscqk import runs
from iscqk.errors import UserError

CONFIG = yaml.safe_load((Path(__file__).parent.parent / "config.yaml").read_text())


def config(**changes):
    return runs.changed(CONFIG, {key.replace("__", "."): value for key, value in changes.items()})


def test_changing_a_key_leaves_the_original_and_refuses_unknown_keys():
    assert config(train__qk__temperature=0.2)["train"]["qk"]["temperature"] == 0.2
    assert CONFIG["train"]["qk"]["temperature"] == 0.05
    with pytest.raises(UserError, match=r"config: train\.qk\.heat: no such key"):
        config(train__qk__heat=1)


def test_an_ablation_needs_as_many_values_of_each_key():
    ablations = {"rounds": {"train.rounds": [1, 2], "train.images_per_half_round": [10]}}
    with pytest.raises(UserError, match=r"study\.ablations\.rounds: give each key as many values"):
        runs.all_runs(config(study__ablations=ablations))


def test_an_ablation_may_name_its_settings():
    settings = {"plain": {}, "both": {"describe.gist": 1, "describe.flip": True}}
    every = runs.all_runs(config(study__ablations={"ways": settings}))
    both = every["ways-both-0"]
    assert both["describe"]["gist"] == 1 and runs.seen(both) == "-flip" and runs.refines(both)
    plain = every["ways-plain-0"]
    assert runs.seen(plain) == "" and not runs.refines(plain)
    homes = runs.homes(every)
    assert homes["ways-both-0", "round1-k"] == homes["ways-plain-0", "round1-k"] == "qk-0"


def test_a_run_that_joins_gist_brings_the_gist_of_its_seed():
    every = runs.all_runs(config(seed=7, study__methods=["qk"], describe__gist=0.5))
    assert runs.gist_run(every["qk-7"]) == "gist-7"
    gist = every["gist-7"]
    assert gist["seed"] == 7 and gist["model"]["backbone"] == "gist"
    assert gist["describe"]["gist"] == 0 and runs.seen(gist) == ""
    assert "gist-7" not in runs.all_runs(config(seed=7, study__methods=["qk"]))


def test_a_method_added_to_the_list_is_compared():
    rows = runs.study_rows(config(study__methods=["qk", "isd"], study__seeds=[0, 3]))
    assert [row.run for row in rows] == ["qk-0", "qk-3", "isd-0", "isd-3"]


def test_every_method_sees_as_many_images_but_gist_none():
    every = runs.all_runs(config(train__rounds=2, train__images_per_half_round=500))
    assert {runs.budget(every[f"{m}-0"]) for m in ("qk", "simclr", "moco", "isd")} == {42_000}
    assert runs.budget(every["gist-0"]) == 0 and every["gist-0"]["model"]["backbone"] == "gist"
    assert {tuple(runs.copy_rounds(every[f"{m}-0"])) for m in ("qk", "simclr")} == {(0, 1, 2)}


def test_models_along_a_training():
    every = runs.all_runs(config(train__rounds=2))
    along = ["warm-up", "round1-q", "round1-k", "round2-q", "round2-k"]
    assert runs.models(every["qk-0"]) == along
    assert runs.models(every["moco-0"]) == [f"learned-{part}" for part in (1, 2, 3, 4)]
    assert runs.models(every["gist-0"]) == ["initial"]
    assert runs.models(config(train__rounds=0)) == ["initial"]


def test_what_runs_have_in_common_is_made_once():
    every = runs.all_runs(config())
    homes = runs.homes(every)
    assert homes["simclr-0", "initial"] == homes["temperature-0.2-0", "initial"] == "qk-0"
    assert homes["gist-0", "initial"] == "gist-0"  # another network
    assert homes["temperature-0.2-0", "warm-up"] == "qk-0"  # the warm-up is SimCLR's
    assert homes["temperature-0.2-0", "round1-q"] == "temperature-0.2-0"
    assert homes["temperature-0.05-0", "round1-k"] == "qk-0"  # the default, under another name
    assert homes["continued-3-0", "round1-k"] == "qk-0"  # a round more redoes none
    assert homes["pairing-q-q-0", "round1-k"] == "qk-0"  # described otherwise, trained alike
    assert homes["unbalanced-isd-0", "learned-4"] == "unbalanced-isd-0"  # other images


def test_the_curriculum_changes_the_edits_from_a_round_on():
    harder = [{"round": 2, "length": [3, 4]}, {"round": 1, "strength": [0.4, 0.8]}]
    rounds = [runs.training_edits(config(edits__curriculum=harder), number) for number in range(4)]
    assert rounds[0] == CONFIG["edits"]["training"]
    assert rounds[1] == {**rounds[0], "strength": [0.4, 0.8]}
    assert rounds[2] == rounds[3] == {**rounds[1], "length": [3, 4]}


def test_a_seed_of_its_own_is_another_training_of_the_same_images():
    every = runs.all_runs(config(study__seeds=[0, 1]))
    homes = runs.homes(every)
    assert homes["qk-1", "initial"] == homes["simclr-1", "initial"] != homes["qk-0", "initial"]
    assert every["qk-1"]["seed"] == 1 and every["qk-1"]["queries"] == every["qk-0"]["queries"]


def test_half_rounds_do_not_depend_on_the_number_of_rounds_or_on_the_warm_up():
    one, two = config(), config(train__rounds=2, train__qk__warm_up_images=7)
    assert runs.train_section(one, "qk") == runs.train_section(two, "qk")
    assert set(runs.train_section(one, "moco")) & set(runs.METHODS) == {"moco"}


def test_names_of_runs_are_plain_and_each_another_one():
    values = ["a/../b", "a b", "a;b", "a_b", [1, 2], "x" * 300]
    study = {**CONFIG["study"], "ablations": {"odd": {"model.weights": values}}}
    rows = runs.ablation_rows({**CONFIG, "study": study}, "odd")
    assert len({row.run for row in rows}) == len(values)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", row.run) for row in rows)
    assert [row.label for row in rows][:4] == values[:4]
