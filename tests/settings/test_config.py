"""A configuration filled in: what is equal is one text, and older keys are told."""

import copy

import pytest

from configs import LAID_OVER, configured, with_keys
from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.plan.dependence import as_text
from iscqk.settings.config import Config, complete
from iscqk.settings.edits import Pool

CONFIG = configured()


def test_all_keys_of_an_older_config_are_told_at_once_with_what_became_of_them():
    config = copy.deepcopy(CONFIG)
    config["describe"]["flip"] = False
    config["unbalanced"]["changes"] = {"model.weights": "none"}
    config["train"].update(rouns=2, x=1, y=2)
    with pytest.raises(UserError) as error:
        complete(config)
    told = str(error.value).removeprefix("config: ").split("; also ")
    assert told[:1] + told[2:] == [
        "train.rouns: unknown key; did you mean rounds?",
        "describe.flip: now describe.orientations, 2 for true and 1 for false",
        "unbalanced.changes: gone; take workflow/presets/unbalanced.yaml with --configfile, or "
        "remove it",
    ]
    assert told[1].startswith("train.x, train.y: unknown keys; known are method, rounds, ")


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("train.qk.soft_targets", 0.0, "0"),
        ("describe.gist", 1.0, "1"),
        ("edits.training.strength", [0, 0.6], "[0.0, 0.6]"),
        ("edits.training.strength", [0.0, 1.0], "[0, 1]"),
        ("edits.training.weights", {"hflip": 4.0}, '{"hflip": 4}'),
        ("model.backbone_options", {"drop_rate": 0.0}, '{"drop_rate": 0.0}'),
    ],
)
def test_equal_numbers_are_one_text_however_they_are_written(key, value, written):
    """Snakemake compares texts."""
    found = with_keys({key: value})
    complete(found)
    for part in key.split("."):
        found = found[part]
    assert as_text(found) == written


@pytest.mark.parametrize(
    ("key", "said", "short"),
    [
        ("edits.training.weights", {}, None),
        ("edits.phase2.required", [], None),
        ("dataset.lists", {}, None),
        ("dataset.training", "own/training/", "own/training"),
        ("dataset.references", [".//own/./a/", "../b"], ["own/a", "../b"]),
        ("dataset.others", "./-a/../a-{0..9}.tar", "./-a/../a-{0..9}.tar"),
        ("train.qk.teacher", "-t//a.h5", "-t/a.h5"),
        ("train.qk.near_duplicates", None, None),
        ("dataset.phase1", {"queries": "q/", "ground_truth": "./t.csv"}, ["q", "t.csv"]),
        ("dataset.lists", {"phase1": "/l//a"}, ["/l/a"]),
        ("unbalanced.training", "/", "/"),
        ("report.compare", "../other/", "../other"),
    ],
)
def test_what_says_nothing_and_long_paths_are_as_others_write_them(key, said, short):
    found = with_keys({key: said})
    complete(found)
    for part in key.split("."):
        found = found.get(part)
    assert ([*found.values()] if isinstance(found, dict) else found) == short


def test_numbers_of_config_yaml_and_presets_stay_as_they_are_written():
    """What is made would be made again."""
    for names in LAID_OVER:
        config = configured(*names)
        Config.fill_defaults(config)
        written = copy.deepcopy(config)
        complete(config)
        for section in config.keys() - {"costs"}:  # on which no file depends
            assert as_text(config[section]) == as_text(written[section]), (names, section)


def test_phase_2_has_edits_and_strengths_that_training_and_phase_1_never_use():
    pools = {name: Pool.parse(CONFIG["edits"][name]) for name in (*PHASES, "training")}
    assert not CONFIG["edits"]["curriculum"]
    seen = set(pools["training"].names) | set(pools["phase1"].names)
    assert pools["phase2"].required and not set(pools["phase2"].required) & seen
    for name in ("training", "phase1"):
        assert pools[name].strength[1] <= pools["phase2"].strength[0]
