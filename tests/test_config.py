"""Configuration: folders found, defaults complete, presets valid, environments in step."""

import copy
import re
import runpy
from datetime import date
from importlib.metadata import requires
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from snakemake.settings.types import ConfigSettings

from configs import LAID_OVER, PRESETS, configured, with_keys
from iscqk.datasets import find_sources
from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.models.timm_adapter import timm
from iscqk.models.timm_names import refuse_unknown_network
from iscqk.plan import presets, runs
from iscqk.plan.checks import check_config, check_training
from iscqk.plan.dependence import as_text, budget, making, models
from iscqk.plan.presets import refuse_disorder, refuse_missing_below, refuse_without_preset
from iscqk.plan.runs import all_runs, runs_of
from iscqk.plan.snakefile import refuse_base_laid_over
from iscqk.settings.config import Config, complete
from iscqk.settings.edits import Pool

ROOT = Path(__file__).parent.parent
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


def test_sections_of_anything_may_be_left_out():
    config = configured()
    del config["study"]["ablations"], config["unbalanced"]
    check_config(config)
    assert "unbalanced-isd-0" in all_runs(config) and runs_of(config, ["ablations"]) == ["qk-0"]


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


@pytest.mark.parametrize("preset", ["isd-resnet18", "isd-resnet50"])
def test_a_preset_that_is_laid_over_from_nothing_says_so_where_it_is_not(preset):
    with pytest.raises(UserError, match=r"config: model.backbone: .*from-nothing\.yaml"):
        all_runs(configured(preset))


@pytest.mark.parametrize("preset", ["isd-resnet18", "isd-resnet50"])
def test_isd_as_published_has_plain_sgd_without_a_warm_up(preset):
    train = configured("from-nothing", preset)["train"]
    assert (train["optimizer"], train["warmup"], train["schedule"]) == ("sgd", 0, "cosine")


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
            "model.weights: .*test_config.py is not .*; make an encoder of it: iscqk "
            "import-weights .*test_config.py --backbone resnet18 --output FILE.safetensors",
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


def test_an_ablation_of_how_qk_warms_up_needs_a_warm_up():
    heat = {"train.simclr.temperature": [0.1, 0.2]}
    with pytest.raises(UserError, match="train.simclr.temperature says nothing to qk"):
        all_runs(with_keys({"study.ablations": {"a": heat}}))
    made = all_runs(
        with_keys({"study.ablations": {"a": {**heat, "train.qk.warm_up_images": [1000, 1000]}}})
    )
    assert made["a-0.2-1000-0"]["train"]["simclr"]["temperature"] == 0.2


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
        check_config({**copy.deepcopy(CONFIG), "dataset": dataset})


@pytest.mark.long
def test_every_network_of_timm_and_every_older_name_is_known():
    for name in (*timm.list_models(), *timm.models._registry._deprecated_models):
        refuse_unknown_network(name, "model.backbone")


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


@pytest.mark.parametrize("root", [".", "images"])
def test_disc21_is_found_as_its_evaluator_and_its_archives_have_it(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    for folder in ("train", "references", "queries", "final_queries"):
        (tmp_path / "images" / folder).mkdir(parents=True)
    (tmp_path / "list_files").mkdir()
    for file in ("list_files/train", "train_50k_0.zip"):
        (tmp_path / file).touch()
    for phase in ("dev", "test"):
        (tmp_path / f"{phase}_queries_groundtruth.csv").write_text("Q00000,R000000\n")
    sources = find_sources({"kind": "disc21", "root": root})
    assert sources.training == ["images/train"] and sources.references == ["images/references"]
    assert sources.lists == {"training": "list_files/train"}
    for phase, folder, name in (("phase1", "queries", "dev"), ("phase2", "final_queries", "test")):
        given = sources.phases[phase]
        assert given.queries == [f"images/{folder}"]
        assert given.ground_truth == f"{name}_queries_groundtruth.csv"


@pytest.mark.parametrize(
    ("truth", "halves"),
    [
        ("Q00000,R000000\nQ25000,R000000\n", ("public", "private")),
        ("query_id,reference_id\nQ00000,R000000\nQ25000,\n", ("public",)),
        ("Q25000,R000000\n", ("private",)),
    ],
)
def test_the_halves_of_phase_1_are_those_of_which_the_ground_truth_has_a_pair(
    tmp_path, truth, halves
):
    dataset = disc21(tmp_path)
    (tmp_path / "dev_queries_groundtruth.csv").write_text(truth)
    found = find_sources(dataset).phases
    assert found["phase1"].halves == halves and found["phase2"].halves == ()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", r"truth.csv: .*empty"),
        ("query_id,reference_id\nq1.jpg,R000000\n", "row 1 .*: the query is not Q and 5 digits"),
        ("Q00000,\n", "truth.csv: no true pair"),
    ],
)
@pytest.mark.parametrize("kind", ["disc21", "folders", "shards"])
def test_a_ground_truth_that_is_none_is_told_at_the_start(tmp_path, kind, content, complaint):
    truth, place = tmp_path / "test_queries_groundtruth.csv", str(tmp_path / "a.tar")
    dataset = disc21(tmp_path)
    if kind != "disc21":
        dataset = {"kind": kind, **dict.fromkeys(("training", "references", "others"), place)}
        dataset["phase2"] = {"queries": place, "ground_truth": str(truth)}
        Path(place).mkdir()
    truth.write_text(content)
    with pytest.raises(UserError, match=complaint):
        find_sources(dataset)


def test_a_missing_part_of_disc21_is_named(tmp_path):
    dataset = disc21(tmp_path)
    (tmp_path / "refs_50k_0").rmdir()
    with pytest.raises(UserError, match="no references; DISC21 calls it one of reference_images"):
        find_sources(dataset)


def test_a_list_of_what_there_is_not_is_refused(tmp_path):
    list_file = tmp_path / "list"
    list_file.write_text("Q00000\n")
    own = {"kind": "folders", **dict.fromkeys(("training", "references", "others"), str(tmp_path))}
    for name, dataset in (("phase1", own), ("others", disc21(tmp_path))):
        with pytest.raises(UserError, match=rf"^config: dataset\.lists\.{name}: says nothing"):
            find_sources({**dataset, "lists": {name: str(list_file)}})


def test_an_archive_of_disc21_that_was_not_unpacked_is_named(tmp_path):
    dataset = disc21(tmp_path)
    for archive in ("train_50k_1.zip", "train_50k_1.tar.gz"):
        (tmp_path / archive).touch()  # unpacked, and kept
    assert len(find_sources(dataset).training) == 2
    (tmp_path / "train_50k_2.zip").touch()
    with pytest.raises(UserError, match=r"train_50k_2\.zip: not unpacked, as .*train_50k_0 is; un"):
        find_sources(dataset)


@pytest.mark.parametrize("suffix", [".ZIP", ".7z", ".tar", ".tar.bz2", ".zip.part"])
def test_whatever_an_archive_of_disc21_is_packed_by_it_is_named(tmp_path, suffix):
    dataset = disc21(tmp_path)
    archive = tmp_path / "images" / f"refs_50k_1{suffix}"
    archive.parent.mkdir()
    archive.touch()
    with pytest.raises(UserError, match=f"{archive}: not unpacked, as .*refs_50k_0 is; unpack it"):
        find_sources(dataset)
    (tmp_path / "refs_50k_0").rmdir()
    with pytest.raises(UserError, match=f"{archive}: not unpacked, and references is nowhere els"):
        find_sources(dataset)


def test_folders_of_disc21_may_lie_in_both_places(tmp_path):
    dataset = disc21(tmp_path)
    (tmp_path / "images/train_50k_2").mkdir(parents=True)
    names = ["train_50k_0", "train_50k_1", "images/train_50k_2"]
    assert find_sources(dataset).training == [str(tmp_path / name) for name in names]


def test_a_brace_in_a_name_is_no_range(tmp_path):
    root = tmp_path / "of {2021}"
    root.mkdir()
    with pytest.raises(UserError, match=r"root: .*2021} has a brace in its name, a wildcard to Sn"):
        find_sources(disc21(root))


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
