"""Presets: valid in their dry runs, laid over each other in order, as they were measured."""

import re
from pathlib import Path

import pytest
from snakemake.settings.types import ConfigSettings

from configs import LAID_OVER, PRESETS, configured
from conftest import ROOT
from iscqk.errors import UserError
from iscqk.plan import presets, runs
from iscqk.plan.checks import check_config
from iscqk.plan.dependence import budget, making, models
from iscqk.plan.presets import refuse_disorder, refuse_missing_below, refuse_without_preset
from iscqk.plan.runs import all_runs
from iscqk.plan.starting import refuse_base_laid_over

CONFIG = configured()


def test_every_preset_has_a_dry_run():
    assert set().union(*LAID_OVER) == {path.stem for path in PRESETS.glob("*.yaml")}


@pytest.mark.long
def test_every_preset_is_valid_in_its_dry_runs():
    for names in LAID_OVER:
        for config in all_runs(configured(*names)).values():
            check_config(config)


def test_ablations_of_rounds_hold_the_run_that_each_preset_makes():
    """One of their values is the preset's own, so that all are of its budget."""
    keys = {"train.rounds", "train.images_per_half_round"}
    for names in LAID_OVER:
        config = configured(*names)
        train = config["train"]
        if train["method"] != "qk" or not train["rounds"]:
            continue
        own = {key: train[key.removeprefix("train.")] for key in keys}
        for name in config["study"]["ablations"]:
            settings = runs.ablation_settings(config, name).values()
            if any(keys & {*setting} for setting in settings):
                assert own in [{**own, **setting} for setting in settings], (names, name)


def test_from_nothing_is_what_its_figures_were_measured_with():
    """Whatever becomes of the default: docs/measured/submission.md tells of these very values."""
    rates = {"learning_rate": 0.002, "head_learning_rate": 0.002, "batch_norm": "batch"}
    taught = {"temperature": 0.1, "head": "descriptor", "refit_head": True, **rates}
    made = all_runs(configured("from-nothing"))
    assert made["qk-0"]["copies"] == {"per_image": 2, "side": 160, "quality": 90}
    assert made["qk-0"]["model"] == {
        **{"backbone": "resnet10t", "weights": "none", "image_size": 64, "pooling": "gem"},
        **{"descriptor_size": 255, "whitening": 0.5, "head_images": 2000},
        **{"mean": None, "std": None, "backbone_options": {}},
    }
    train = made["qk-0"]["train"]
    assert (train["rounds"], train["images_per_half_round"]) == (1, 10000)
    own = {"warm_up_images": 40000, "bank_views": 2, "batch_size": 64, "temperature": 0.05, **rates}
    assert own.items() <= train["qk"].items() and rates.items() <= train["solo"].items()
    assert taught.items() <= train["simclr"].items() and taught.items() <= train["moco"].items()
    assert {**rates, "head": "none"}.items() <= train["isd"].items()
    rounds = [made[f"rounds-{label}-0"]["train"] for label in ("1-10000", "2-5000", "4-2500")]
    assert [2 * one["rounds"] * one["images_per_half_round"] for one in rounds] == [20000] * 3
    assert made["bank_views-1-0"]["train"]["qk"]["bank_views"] == 1


@pytest.mark.parametrize("method", ["moco", "isd"])
def test_unbalanced_classes_are_learned_alike_with_and_without_from_nothing(method):
    over = [configured("unbalanced"), configured("from-nothing", "unbalanced")]
    made = [all_runs(config)[f"unbalanced-{method}-0"] for config in over]
    first, other = (making(config, "unbalanced", models(config)[-1]) for config in made)
    assert other == first and budget(made[0]) == 20000


def test_unbalanced_classes_are_not_learned_from_the_ready_model():
    with pytest.raises(UserError, match=r"^config: model.weights: ready .*unbalanced\.yaml$"):
        refuse_without_preset(ROOT, CONFIG, ["unbalanced"])
    with pytest.raises(UserError, match="unbalanced.yaml"):
        refuse_without_preset(ROOT, CONFIG, ["results/unbalanced/table.csv"])
    refuse_without_preset(ROOT, CONFIG, ["study"])
    refuse_without_preset(ROOT, configured("unbalanced"), ["unbalanced"])


def test_config_yaml_after_another_file_is_refused_as_nothing_would_be_left_of_that():
    base, preset = ROOT / "config.yaml", PRESETS / "untrained.yaml"
    refuse_base_laid_over([base], ConfigSettings(configfiles=[base, preset]))
    refuse_base_laid_over([base], ConfigSettings(configfiles=[preset]))
    with pytest.raises(
        UserError, match=r"config.yaml comes after .*untrained.yaml, .*name .*first"
    ):
        refuse_base_laid_over([base], ConfigSettings(configfiles=[preset, base]))


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (["disc21-ready", "disc21"], "disc21"),
        (["photos", "own", "from-nothing"], "from-nothing"),
        (["from-nothing", "photos-best", "untrained", "photos"], "photos"),
        (["ready-training", "ready-settled", "ready-harder"], "ready-harder"),
        (["untrained", "photos-scale"], "photos-scale"),
    ],
)
def test_a_preset_after_one_that_is_laid_over_it_is_refused(monkeypatch, names, first):
    monkeypatch.chdir(ROOT)
    files = {name: f"workflow/presets/{name}.yaml" for name in names} | {"own": "own.yaml"}
    given = ["config.yaml", *(files[name] for name in names)]
    with pytest.raises(UserError, match=rf"{first}.yaml comes .*; name {files[first]} first$"):
        refuse_disorder(ROOT, given)
    refuse_disorder(ROOT.parent, given)  # of another workflow


def test_presets_in_their_order_are_taken():
    for names in LAID_OVER:
        files = [PRESETS / f"{name}.yaml" for name in names]
        refuse_disorder(ROOT, files)
        refuse_missing_below(ROOT, files)


@pytest.mark.parametrize(
    ("names", "complete"),
    [
        (["config", "photos-imagenet", "own"], ["config", "photos", "photos-imagenet", "own"]),
        (["own", "disc21-sscd"], ["disc21", "own", "disc21-sscd"]),
        (
            ["config", "ready-training", "ready-settled"],
            ["config", "ready-training", "ready-harder", "ready-settled"],
        ),
    ],
    ids=" ".join,
)
def test_a_preset_without_one_below_it_is_refused_with_all_that_is_to_be_typed(
    monkeypatch, names, complete
):
    monkeypatch.chdir(ROOT)
    files = {name: f"workflow/presets/{name}.yaml" for name in complete}
    files |= {"own": "own.yaml", "config": "config.yaml"}
    command = " ".join(files[name] for name in complete)
    with pytest.raises(UserError, match=f"is laid over .*; type --configfile {command}$"):
        refuse_missing_below(ROOT, [Path(files[name]).absolute() for name in names])
    refuse_missing_below(ROOT, command.split())
    refuse_missing_below(ROOT.parent, [files[name] for name in names])  # of another workflow


def test_photos_stand_alone():
    """As they were measured, over `from-nothing`, which they repeat."""
    assert configured("photos") == configured("from-nothing", "photos")
    refuse_missing_below(ROOT, ["config.yaml", PRESETS / "photos.yaml"])


@pytest.mark.parametrize(
    ("ablation", "files"),
    [("bank_views", ["from-nothing"]), ("ingredients", ["photos", "photos-best"])],
)
def test_an_ablation_that_only_a_preset_has_names_it(ablation, files):
    said = " ".join(f"workflow/presets/{name}.yaml" for name in files)
    with pytest.raises(UserError, match=f"^ablation_{ablation}: .* --configfile {said}$"):
        refuse_without_preset(ROOT, CONFIG, [f"ablation_{ablation}"])
    refuse_without_preset(ROOT, configured(*files), [f"ablation_{ablation}"])
    refuse_without_preset(ROOT, CONFIG, ["ablation_negatives", "ablation_of_nobody"])


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_presets_are_laid_over_what_their_comments_say(path):
    comment = " ".join(re.findall(r"^# (.*)$", path.read_text(), re.MULTILINE))
    laid = re.match(r"(?:.*?To be l|L)aid over ((?:(?: and )?[\w-]+\.yaml)+)", comment)
    said = re.findall(r"([\w-]+)\.yaml", laid[1]) if laid else []
    for command in re.findall(r"--configfile((?:[ \\]+workflow\S+)+)", comment):
        said += re.findall(r"([\w-]+)\.yaml", command)
    needed = set(presets.LAID_OVER.get(path.stem, ()))
    may_be = needed | set(presets.MAY_LIE_OVER.get(path.stem, ()))
    assert needed <= set(said) - {path.stem} <= may_be


@pytest.mark.parametrize("preset", ["isd-resnet18", "isd-resnet50"])
def test_a_preset_that_is_laid_over_from_nothing_says_so_where_it_is_not(preset):
    with pytest.raises(UserError, match=r"config: model.backbone: .*from-nothing\.yaml"):
        all_runs(configured(preset))


@pytest.mark.parametrize("preset", ["isd-resnet18", "isd-resnet50"])
def test_isd_as_published_has_plain_sgd_without_a_warm_up(preset):
    train = configured("from-nothing", preset)["train"]
    assert (train["optimizer"], train["warmup"], train["schedule"]) == ("sgd", 0, "cosine")
