"""What users name in a config reaches no shell unquoted and no interpreter at all."""

import json
import re
from itertools import islice

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.torch import save_file

from conftest import ROOT
from snakemake_logger_plugin_iscqk.plain_yaml import read_plainly

# Each would leave a file behind, or break Snakemake's own format strings.
HOSTILE = {
    "training": "-t x $(touch HACKED)",
    "references": "r'; touch HACKED; echo '",
    "others": 'o "`touch HACKED`" %s',
    "queries": "q && touch HACKED #",
    "ground_truth": "g;touch HACKED|y.csv",
    "list": "l *?[a-z] > HACKED",
    "weights": "w $(touch HACKED) {z}.safetensors",
    "near_duplicates": "-n; touch HACKED.csv",
    "teacher": "-t; touch HACKED.h5",
    "network": "-n '; touch HACKED #.safetensors",
    "unbalanced": "-u ~ $HOME\ttouch HACKED",
    "label": "a/../b'; touch HACKED; '{q}.safetensors",
}
# What stands in for the program in bash: it prints how many arguments it got, and these.
STUB = """iscqk() { printf '%s\\0' $# "$@"; }\n"""


def write_images(folder, names, seed):
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        pixels = np.random.default_rng((seed, number)).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")


def hostile_project(project):
    """Write images and lists under hostile names, and the config that names them."""
    names, root = HOSTILE, project.folder
    # A ground truth speaks of ids that files are named by.
    of_split = {"training": "t ", "references": "R00000", "others": "o ", "queries": "Q0000"}
    for seed, (split, name) in enumerate(of_split.items()):
        write_images(root / names[split], [f"{name}{number}" for number in range(4)], seed)
    for seed, part in enumerate(("training", "evaluation")):
        write_images(root / names["unbalanced"] / part / "class", ["a", "b"], 10 + seed)
    (root / names["ground_truth"]).write_text("query_id,reference_id\nQ00000,R000001\nQ00001,\n")
    (root / names["list"]).write_text("Q00000\nQ00001\nQ00002\n")
    for name in ("weights", "near_duplicates", "teacher"):
        (root / names[name]).write_text("id,near_duplicate\n")
    save_file({}, root / names["network"], {"iscqk": "{}"})
    phase = {"queries": names["queries"], "ground_truth": names["ground_truth"]}
    splits = {split: names[split] for split in ("training", "references", "others")}
    lists = {"phase1": names["list"]}
    config = {
        "title": "$(touch HACKED) {title}",
        "dataset": {"kind": "folders", **splits, "phase1": phase, "lists": lists},
        "model": {"weights": names["weights"]},
        "train": {
            "qk": {"soft_targets": 0.5}
            | {key: names[key] for key in ("near_duplicates", "teacher")}
        },
        "unbalanced": {
            part: f"{names['unbalanced']}/{part}" for part in ("training", "evaluation")
        },
        "study": {
            "ablations": {
                "hostile": {
                    "model.weights": [names["label"]],
                    "train.qk.teacher": [names["network"]],
                }
            }
        },
    }
    (root / "hostile.yaml").write_text(yaml.safe_dump(config))
    return project


def commands(project, targets):
    """Return the arguments that each command of a target would get from its shell."""
    done = project.run(
        f"snakemake {targets} -n -p --forceall --configfile config.yaml tiny.yaml hostile.yaml"
    )
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    script = [line.partition("&>")[0] for line in lines if line.startswith("iscqk ")]
    (project.folder / "script").write_text(f"set -e\n{STUB}" + "\n".join(script))
    words = iter(project.run("bash script").stdout.split("\0")[:-1])
    return [list(islice(words, int(count))) for count in words]


def test_every_command_gets_what_the_config_names_as_it_is(project):
    found = commands(hostile_project(project), "all ablation_hostile unbalanced benchmarks")
    assert not list(project.folder.rglob("HACKED*"))
    some = {"prepare", "take-queries", "train", "submit", "prepare-labelled"}
    assert {name for name, *_ in found} >= some
    words = {word.partition("=")[2] or word for command in found for word in command}
    whole = [HOSTILE[name] for name in ("references", "others", "queries", "ground_truth", "list")]
    assert words >= {*whole, "./" + HOSTILE["training"]}
    assert words >= {HOSTILE["near_duplicates"], HOSTILE["teacher"]}
    assert HOSTILE["unbalanced"] + "/training" in words
    assert ["embed", f"--weights={HOSTILE['network']}"] in [command[:2] for command in found]
    texts = " ".join(words)
    assert json.dumps(HOSTILE["weights"]) in texts and json.dumps(HOSTILE["label"]) in texts
    assert not any(HOSTILE["label"] in word for word in words if word.startswith("results/"))


def test_hostile_names_are_read(project):
    hostile_project(project)
    project.run(
        "snakemake results/data/phase1/queries.csv results/data/unbalanced.csv --cores 2 "
        "--configfile config.yaml tiny.yaml hostile.yaml"
    )
    data = project.folder / "results/data"
    assert len((data / "phase1/queries.csv").read_text().splitlines()) == 1 + 3
    assert HOSTILE["training"] in (data / "training.csv").read_text()
    assert len((data / "unbalanced.csv").read_text().splitlines()) == 1 + 2
    assert not list(project.folder.rglob("HACKED*"))


def test_a_config_is_data_and_no_program(project):
    (project.folder / "evil.yaml").write_text(
        "__use_yte__: true\n"
        "__definitions__:\n  - open('HACKED', 'w')\n"
        "title: ?open('HACKED', 'w')\n"
    )
    done = project.run("snakemake -n --configfile config.yaml evil.yaml", check=False)
    assert done.returncode and "unknown key" in done.stderr
    assert not (project.folder / "HACKED").exists()


def test_no_source_loads_pickles_or_starts_shells():
    channels = (
        r"pickle\.load|allow_pickle|read_pickle|yaml\.(unsafe_|full_)?load\(|shell=True|os\.system"
    )
    found = {
        (path.name, line.strip())
        for path in (ROOT / "src").rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(channels, line) or ("torch.load(" in line and "weights_only=True" not in line)
    }
    # AugLy's list of the letters in its own fonts
    assert {name for name, _ in found} <= {"augly_adapter.py"}, found


@pytest.mark.parametrize(
    "text",
    [
        "title: !!python/object/apply:os.system ['touch HACKED']",
        "title: !!python/name:os.system",
        "[" * 5000,
        "title: \x01",
    ],
)
def test_only_plain_yaml_is_read(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(SystemExit, match="c.yaml: not plain YAML"):
        read_plainly(tmp_path / "c.yaml")
