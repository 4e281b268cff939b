"""The ready model: made by one command, carried by wheel and sdist, used where none is named."""

import json
import re
import shutil
import tarfile
import zipfile

import pytest
import torch
from setuptools import build_meta

from conftest import ROOT
from iscqk.formats.files import sha256_of
from iscqk.matching.model import Model
from iscqk.models.hub import load_hub_folder
from iscqk.models.weights import load_encoder

CARRIED = ROOT / "src/iscqk/ready/model"
needs_it = pytest.mark.skipif(not CARRIED.is_dir(), reason="this checkout carries no ready model")


def test_one_command_makes_it_and_the_program_then_takes_it(finished_copy):
    project = finished_copy
    (project.folder / "more.yaml").write_text("ready: {bank_rows: 20}")
    files = "--configfile config.yaml tiny.yaml more.yaml"
    done = project.run(f"snakemake ready_model --cores {files}")
    card = project.folder / "results/ready_model/MODEL_CARD.md"
    assert "ready_model       results/ready_model/MODEL_CARD.md (" in done.stderr
    text = card.read_text()
    assert "### phase1" in text and "### phase2" in text
    carried = project.folder / "src/iscqk/ready/model"
    shutil.rmtree(carried, ignore_errors=True)
    found = project.run(
        "iscqk match results/demo/others.tar --against results/demo/others.tar", False
    )
    assert "error: no ready model: this installation carries none" in found.stderr
    shutil.copytree(card.parent, carried)
    found = project.run("iscqk match results/demo/others.tar --against results/demo/others.tar")
    assert "matches/matches.csv" in found.stdout


@pytest.mark.long
def test_training_starts_from_its_networks_and_again_where_they_are_others(finished_copy):
    project = finished_copy
    carried = project.folder / "src/iscqk/ready/model"
    shutil.rmtree(carried, ignore_errors=True)
    (project.folder / "more.yaml").write_text("model: {weights: ready}")
    files = "--configfile config.yaml tiny.yaml more.yaml"
    refused = project.run(f"snakemake all -n {files}", check=False)
    assert "error: no ready model: this installation carries none" in refused.stderr
    assert "workflow/presets/from-nothing.yaml" in refused.stderr
    project.run(f"iscqk pack results/submission_phase2 --output {carried}")
    target = "results/runs/qk-0/initial/q.safetensors"
    project.run(f"snakemake {target} --cores {files}")
    for path in (carried / "matching.json", carried / "queries/README.md"):
        path.write_text(path.read_text() + "\n")  # how it is used and what is said of it
    assert "Nothing to be done" in project.run(f"snakemake {target} -n {files}").stdout
    network = carried / "queries/config.json"
    network.write_text(network.read_text() + "\n")
    again = project.run(f"snakemake {target} -n -p {files}")
    assert "iscqk initial" in again.stdout


SMALL = """\
dataset: {demo: {training: 64, references: 32, others: 24, side: 64}}
queries: {count: 20}
train: {images_per_half_round: 64}
"""


def same_weights(one, other):
    """Tell weights alone: the default looks at other sizes of images than the ready model."""
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(map(torch.equal, mine.values(), theirs.values()))


@needs_it
@pytest.mark.long
def test_the_default_goes_on_from_it(project):
    (project.folder / "small.yaml").write_text(SMALL)
    project.run("snakemake submission_phase2 --cores --configfile config.yaml small.yaml")
    carried = load_hub_folder(CARRIED / "queries")
    for side in "qk":
        start, end = (
            load_encoder(project.folder / f"results/runs/qk-0/{model}/{side}.safetensors")
            for model in ("initial", "round1-k")
        )
        assert same_weights(start, carried) and not same_weights(end, carried)
    submitted = project.folder / "results/submission_phase2"
    config = json.loads((submitted / "provenance.json").read_text())["config"]
    assert config["model"]["backbone"] == "mobilenetv2_100"
    assert "went on from the model that iscqk carries" in (submitted / "MODEL_CARD.md").read_text()


def test_wheel_and_sdist_carry_it(tmp_path, monkeypatch):
    for name in ("src", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    model = tmp_path / "src/iscqk/ready/model"
    (model / "queries").mkdir(parents=True, exist_ok=True)
    (model / "queries/model.safetensors").write_text("weights")
    monkeypatch.chdir(tmp_path)
    wheel = zipfile.ZipFile(build_meta.build_wheel(".")).namelist()
    with tarfile.open(build_meta.build_sdist(".")) as sdist:
        names = sdist.getnames()
    for file in ("model/queries/model.safetensors", "LICENSE-Apache-2.0"):
        assert f"iscqk/ready/{file}" in wheel
        assert any(name.endswith(f"/src/iscqk/ready/{file}") for name in names)


@needs_it
def test_it_is_small_whole_and_what_its_card_says():
    files = [path for path in CARRIED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 10e6
    card = (CARRIED / "MODEL_CARD.md").read_text()
    said = dict(re.findall(r"- `(\S+)`, SHA-256 `(\w{64})`", card))
    names = {str(path.relative_to(CARRIED)): sha256_of(path) for path in files}
    assert said == {name: digest for name, digest in names.items() if name != "MODEL_CARD.md"}
    assert Model().digest("queries")
