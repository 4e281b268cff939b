"""Images that cannot be read, from the user's folders to a submission that the grader takes."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iscqk.cli import main
from iscqk.submission.validation import validate_submission

CONFIG = """\
dataset:
  kind: folders
  training: own/training
  references: own/references
  others: own/others
  phase1: {queries: own/queries, ground_truth: own/truth.csv}
queries: {count: 4, copies: 1.0}
model: {descriptor_size: 15, head_images: 20}
train: {rounds: 0, qk: {warm_up_images: 0}}
shards: {training: 1, references: 1}
"""
BAD = {
    "training/T000003.jpg": b"",
    "references/R000001.jpg": b"no image",
    "references/R000004.png": b"\x89PNG\r\n\x1a\n",
    "references/R000005.jpg": b"GIF89a",
    "queries/Q00002.jpg": b"no image",
}
CONFIGURED = "--configfile config.yaml tiny.yaml own.yaml"
OPTIONS = f"--cores {CONFIGURED}"


@pytest.fixture
def own(project):
    """Return a project with folders of images, some of them bad."""
    counts = {"training/T%06d": 24, "references/R%06d": 12, "others/O%06d": 4, "queries/Q%05d": 6}
    rng = np.random.default_rng(0)
    for name, count in counts.items():
        for number in range(count):
            path = project.folder / f"own/{name % number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((60, 48)).save(path)
    for name, content in BAD.items():
        (project.folder / "own" / name).with_suffix(".jpg").unlink()
        (project.folder / "own" / name).write_bytes(content)
    # A true pair of images that can be read, one with a bad query, one with a bad reference.
    truth = "Q00000,R000000\nQ00002,R000002\nQ00003,R000001\n"
    (project.folder / "own/truth.csv").write_text(truth)
    os.link(project.folder / "own/references/R000000.jpg", project.folder / "own/queries/kept")
    os.replace(project.folder / "own/queries/kept", project.folder / "own/queries/Q00000.jpg")
    (project.folder / "own.yaml").write_text(CONFIG)
    return project


@pytest.mark.long
def test_too_many_queries_are_told_before_any_image_is_read_where_queries_are_asked_for(own):
    """And where only a training is, nobody minds them."""
    (own.folder / "many.yaml").write_text("queries: {count: 5, copies: 0.2}\n")
    options = f"{OPTIONS} many.yaml --config 'dataset={{bad_images: quarantine}}'"
    done = own.run(f"snakemake results/data/phase2/queries.csv {options}", check=False)
    told = (own.folder / "results/logs/prepare.log").read_text()
    assert done.returncode == 1 and not (own.folder / "results/data").exists()
    assert "error: config: queries.count: 5 take 4 others in phase2, which has 2, half of" in told
    own.run(f"snakemake results/data/training.csv {options}")
    own.run(f"snakemake results/data/phase2/queries.csv --until prepare -F {options}")
    assert "quarantined T000003" in (own.folder / "results/logs/prepare.log").read_text()


def test_holding_out_all_training_images_is_told_before_any_is_read_where_a_training_does(
    own,
):
    (own.folder / "solo.yaml").write_text(
        "train: {method: solo, rounds: 1, solo: {validation_images: 23}}\n"
    )
    learned = "results/runs/solo-0/learned-2/q.safetensors"
    own.run(f"snakemake {learned} {OPTIONS} solo.yaml", check=False)
    told = (own.folder / "results/logs/prepare.log").read_text()
    assert told == (
        "error: config: train.solo.validation_images: 23 of 24 training images leave none to learn "
        "from; lower it to 22, or add training images\n"
    )
    own.run(f"snakemake results/data/training.csv {OPTIONS} solo.yaml", check=False)
    assert "cannot read this image" in (own.folder / "results/logs/prepare.log").read_text()


def test_holding_out_all_training_images_that_can_be_read_is_told_when_they_are_listed(own, capsys):
    splits = [f"--{name}={own.folder}/own/{name}" for name in ("training", "references", "others")]
    outputs = ["--output", *(str(own.folder / f"{n}.csv") for n in "troq")]
    listing = ["prepare", *splits, "--bad-images=quarantine", *outputs]
    assert main([*listing, "--hold-out", "solo=22"]) == 1
    told = capsys.readouterr().err
    assert "config: train.solo.validation_images: 22 of 23 training images leave none" in told
    assert not (own.folder / "t.csv").exists()
    assert main([*listing, "--hold-out", "solo=21"]) == 0


def test_a_network_that_cannot_be_made_is_told_before_any_copies_are(own):
    (own.folder / "wrong.yaml").write_text(
        "model: {backbone_options: {nonsense: 1}}\ntrain: {rounds: 1}\n"
    )
    options = f"--cores 1 {CONFIGURED} wrong.yaml --config 'dataset={{bad_images: quarantine}}'"
    done = own.run(f"snakemake results/runs/qk-0/round1-q/q.safetensors {options}", check=False)
    told = (own.folder / "results/logs/qk-0/initial.log").read_text()
    assert done.returncode == 1 and "model.backbone_options" in told and "nonsense" in told
    assert not (own.folder / "results/copies").exists()


@pytest.mark.long
def test_bad_images_are_all_told_or_match_nothing_in_a_valid_submission(own):
    made = "results/data/phase2/queries.csv"
    done = own.run(f"snakemake submission_phase1 {made} {OPTIONS}", check=False)
    assert done.returncode == 1
    log = (own.folder / "results/logs/prepare.log").read_text()
    assert "(and 4 more, all in the log)" in log and all(f"own/{name}" in log for name in BAD)
    assert not (own.folder / "results/data").exists()

    quarantine = f"{OPTIONS} --config 'dataset={{bad_images: quarantine}}'"
    done = own.run(f"snakemake submission_phase1 {made} {quarantine}")
    assert "images set aside  5 (" in done.stdout + done.stderr
    bad = {name.split("/")[1].split(".")[0] for name in BAD}
    folder, data = own.folder / "results/submission_phase1", own.folder / "results/data"
    queries, references, training = (
        pd.read_csv(data / name)["id"]
        for name in ("phase1/queries.csv", "references.csv", "training.csv")
    )
    assert (len(queries), len(references), len(training)) == (6, 12, 23)
    report = validate_submission(folder / "descriptors.h5", queries, references, "phase1")
    assert report.valid, report.problems
    predictions = pd.read_csv(folder / "predictions.csv")
    nothing = predictions["query_id"].isin(bad) | predictions["reference_id"].isin(bad)
    assert len(predictions) == 6 * 12 and nothing.sum() == 12 + 5 * 3
    assert predictions["score"][~nothing].min() > predictions["score"][nothing].max()
    provenance = json.loads((folder / "provenance.json").read_text())
    assert {row["id"] for row in provenance["quarantined"]} == bad
    assert "Images set aside: 5 (" in (folder / "MODEL_CARD.md").read_text()
    own.run("iscqk report --output page.html")
    page = (own.folder / "page.html").read_text()
    assert "which cannot be read" in page and "Images set aside: 5" in page
    assert 'download="quarantined.csv"' in page
    assert all(f">own/{name}<" in "".join(page.split()) for name in BAD)
    lines = (data / "phase2/edits.jsonl").read_text().splitlines()
    assert not {json.loads(line)["source_id"] for line in lines} & bad

    phases = " ".join(f"results/data/{phase}/{{}}.csv" for phase in ("phase1", "phase2"))
    own.run(
        "iscqk learning-curve --models results/runs/qk-0/initial "
        "--references results/data/references.csv "
        f"--queries {phases.format('queries', 'queries')} "
        f"--ground-truth {phases.format('ground_truth', 'ground_truth')} --output curve.csv"
    )
    found = pd.read_csv(own.folder / "curve.csv")["micro_ap"][0]
    scored = json.loads((folder / "score.json").read_text())["rankings"]["similarity"]["micro_ap"]
    assert found == pytest.approx(scored, abs=1e-9)
