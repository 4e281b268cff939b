"""Configuration: folders found, defaults complete, presets valid, environments in step."""

import copy
import re
import runpy
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from iscqk.datasets import find_sources
from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.plan.runs import all_runs
from iscqk.settings.checks import check_config
from iscqk.settings.edits import Pool

ROOT = Path(__file__).parent.parent
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/presets").glob("*.yaml")), ids=str)
def test_presets_are_valid(path):
    merged = copy.deepcopy(CONFIG)
    update_config(merged, yaml.safe_load(path.read_text()))  # as Snakemake does
    for config in all_runs(merged).values():
        check_config(config)


def test_phase_2_has_edits_and_strengths_that_training_and_phase_1_never_use():
    pools = {name: Pool.parse(CONFIG["edits"][name]) for name in (*PHASES, "training")}
    assert not CONFIG["edits"]["curriculum"]
    seen = set(pools["training"].names) | set(pools["phase1"].names)
    assert pools["phase2"].required and not set(pools["phase2"].required) & seen
    for name in ("training", "phase1"):
        assert pools[name].strength[1] <= pools["phase2"].strength[0]


def changed(key, value):
    config = place = copy.deepcopy(CONFIG)
    *sections, last = key.split(".")
    for section in sections:
        place = place.setdefault(section, {})
    place[last] = value
    return config


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
        ("study.ablations", {"a\n": {"seed": [1]}}, "does not match"),
        ("train.rounds", 1e4, "10000.0 is not of type 'integer'; write it without point"),
        ("train.rounds", True, "True is not of type 'integer'"),
        ("train.rounds", "2", "'2' is not of type 'integer'; write it in a file for --configfile"),
    ],
    ids=range(15),
)
def test_what_a_config_must_not_hold_is_refused_in_one_line(key, value, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        check_config(changed(key, value))
    assert str(error.value).isprintable()


def disc21(root):
    for folder in ("train_50k_0", "train_50k_1", "refs_50k_0", "dev_queries_50k_0"):
        (root / folder).mkdir()
    (root / "test_queries_50k_0").mkdir()
    for phase in ("dev", "test"):
        (root / f"{phase}_queries_groundtruth.csv").write_text("Q00000,R000000\n")
    return {"kind": "disc21", "root": str(root)}


def test_disc21_is_found_under_its_official_names(tmp_path):
    sources = find_sources(disc21(tmp_path))
    assert sources.training == [str(tmp_path / f"train_50k_{i}") for i in range(2)]
    assert sources.references == [str(tmp_path / "refs_50k_0")] and sources.others == []
    given = sources.phases["phase2"]
    assert given.queries == [str(tmp_path / "test_queries_50k_0")]
    assert given.ground_truth == str(tmp_path / "test_queries_groundtruth.csv")


def test_a_missing_part_of_disc21_is_named(tmp_path):
    dataset = disc21(tmp_path)
    (tmp_path / "refs_50k_0").rmdir()
    with pytest.raises(UserError, match="no references; DISC21 calls it one of reference_images"):
        find_sources(dataset)


def test_phases_without_queries_need_sources_of_distractors(tmp_path):
    folders = {"kind": "folders", "training": str(tmp_path), "references": str(tmp_path)}
    with pytest.raises(UserError, match=r"dataset.others: missing"):
        find_sources(folders)
    assert find_sources({**folders, "others": str(tmp_path)}).phases == {}


def test_the_conda_environment_has_the_pinned_versions():
    conda_env = runpy.run_path(str(ROOT / "envs/write_conda_env.py"))["conda_env"]
    pins = (ROOT / "envs/requirements.txt").read_text()
    environment = (ROOT / "envs/iscqk.yaml").read_text()
    assert environment == conda_env(pins)
    left_out = {line.split("==")[0] for line in pins.splitlines() if line not in environment}
    assert {"triton", "nvidia-nccl-cu13"} <= left_out
    on_linux = [line for line in requires("torch") if 'platform_system == "Linux"' in line]
    assert {re.match(r"[\w-]+", line)[0] for line in on_linux} <= left_out
    assert not re.search("cuda|nvidia|triton", environment.split("- pip:")[1])
