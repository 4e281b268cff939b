"""The workflow, run by the real Snakemake: what it makes, and what a change reruns."""

import json
import os
import re
import shutil
import tarfile
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import timm
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file

import iscqk
from conftest import ROOT, long, unpack
from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.manifest import read_manifest
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.torch_internals import cpu_has_bfloat16
from iscqk.models.weights import save_encoder
from iscqk.plan import starting
from iscqk.plan.starting import (
    gpu_count,
    refuse_braces,
    refuse_dated_ahead,
    refuse_missing_envs,
    refuse_unwritable_folder,
)
from iscqk.runtime.cores import processor_name

SUBMISSION = (
    "descriptors.h5 predictions.csv score.json validation.json provenance.json MODEL_CARD.md model"
)
AFTER_SCORE = {"score", "submit"}


def float64_micro_ap(descriptors, ground_truth, max_results=500_000):
    """Micro-AP from the formula, pair by pair in float64, ties worst first."""
    with h5py.File(descriptors) as file:
        queries, references = file["query"][:].astype(float), file["reference"][:].astype(float)
        query_ids, reference_ids = (
            file["query_ids"][:].astype(str),
            file["reference_ids"][:].astype(str),
        )
    truth = pd.read_csv(ground_truth, keep_default_na=False)
    true = {(q, r) for q, r in truth.itertuples(index=False) if r}
    pairs = []
    for query_id, query in zip(query_ids, queries, strict=True):
        for reference_id, reference in zip(reference_ids, references, strict=True):
            distance = ((query - reference) ** 2).sum()
            pairs.append((distance, (query_id, reference_id) in true))
    found = area = 0
    for rank, (_, is_true) in enumerate(sorted(pairs)[:max_results], 1):
        found += is_true
        area += is_true * found / rank
    return area / len(true)


@pytest.mark.parametrize("phase", ["phase1", "phase2"])
def test_a_submission_is_whole_valid_and_scored_right(finished, phase):
    folder = finished.folder / f"results/submission_{phase}"
    assert {path.name for path in folder.iterdir()} == set(SUBMISSION.split())
    score = json.loads((folder / "score.json").read_text())
    truth = finished.folder / f"results/data/{phase}/ground_truth.csv"
    expected = float64_micro_ap(folder / "descriptors.h5", truth)
    assert score["micro_ap"] == pytest.approx(expected, abs=1e-9)
    assert score["trained_on_ground_truth"] is False
    assert set(score["rankings"]) == {"similarity", "log_partition"}
    assert json.loads((folder / "validation.json").read_text())["valid"] is True
    with h5py.File(folder / "descriptors.h5") as file:
        assert set(file) == {"query", "reference", "query_ids", "reference_ids"}
        assert file["query"].shape == (20, 64) and file["query"].dtype == np.float32
        assert file["query_ids"].dtype == "S6" and file["reference_ids"].dtype == "S7"


def test_a_submission_looks_images_up_as_it_was_scored(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    folder = Path("results/submission_phase2")
    queries, references = (
        read_manifest(f"results/data/{name}.csv") for name in ("phase2/queries", "references")
    )
    found = iscqk.match(queries["path"], references["path"], folder, top=32)
    for role, rows in (("query", queries), ("reference", references)):
        found[f"{role}_id"] = found[role].map(dict(zip(rows["path"], rows["id"], strict=True)))
    both = found.merge(
        pd.read_csv(folder / "predictions.csv"), on=["query_id", "reference_id"], suffixes=("", "_")
    )
    assert len(both) == 20 * 32
    np.testing.assert_allclose(both["score"], 2 + both["score_"] / 2, atol=1e-2)
    settings = json.loads((folder / "model/matching.json").read_text())
    assert settings["describe"]["temperature"] == 0.05


def test_the_card_is_read_by_the_hub_and_the_weights_by_timm(finished):
    folder = finished.folder / "results/submission_phase2"
    card = ModelCard((folder / "MODEL_CARD.md").read_text())
    assert (card.data.library_name, card.data.license) == ("timm", "mit")
    assert card.data.pipeline_tag == "image-feature-extraction"
    score = json.loads((folder / "score.json").read_text())
    results = {one.metric_type: one.metric_value for one in card.data.eval_results}
    assert results == {name: score[name] for name in ("micro_ap", "recall_at_p90")}
    for side, letter in (("queries", "q"), ("references", "k")):
        assert (folder / "model" / side / "README.md").read_text() == card.content
        backbone = timm.create_model(
            f"local-dir:{folder / 'model' / side}", pretrained=True, num_classes=0
        )
        weights = load_file(finished.folder / f"results/runs/qk-0/round1-k/{letter}.safetensors")
        for name, tensor in backbone.state_dict().items():
            assert torch.equal(tensor, weights[f"backbone.{name}"])


def test_provenance_names_what_made_the_result(finished):
    path = finished.folder / "results/submission_phase2/provenance.json"
    provenance = json.loads(path.read_text())
    assert provenance["versions"]["augly"] == "1.0.0"
    assert provenance["images"]["training"]["count"] == 64
    assert provenance["seed"] == 0 and "title" not in provenance["config"]
    for weights in provenance["weights"].values():
        assert weights["sha256"] == sha256_of(finished.folder / weights["path"])
        assert weights["trained_on"] == {
            "device": processor_name(),
            "precision": "bf16" if cpu_has_bfloat16() else "fp32",
        }
        trained = f"trained on {processor_name()} in {weights['trained_on']['precision']}"
        assert trained in (path.parent / "MODEL_CARD.md").read_text()


def test_phases_share_no_source_and_phase_2_has_edits_of_its_own(finished):
    records = {}
    for phase in ("phase1", "phase2"):
        lines = (finished.folder / f"results/data/{phase}/edits.jsonl").read_text().splitlines()
        records[phase] = [json.loads(line) for line in lines]
    sources = [{r["source_id"] for r in records[phase]} for phase in records]
    assert len(sources[0]) == len(sources[1]) == 20 and not sources[0] & sources[1]
    names = [{e["name"] for r in records[p] for e in r["edits"]} for p in records]
    for record in records["phase2"]:
        assert {e["name"] for e in record["edits"]} - names[0], "a chain without an unseen edit"
    strengths = [[e["strength"] for r in records[p] for e in r["edits"]] for p in records]
    assert max(strengths[0]) <= min(strengths[1])


def test_a_second_run_does_nothing(finished):
    assert finished.jobs() == set()
    assert finished.jobs("--forcerun score") == AFTER_SCORE  # the helper does see jobs


def test_a_comment_reruns_nothing_and_the_metric_scoring_only(finished_copy):
    for module in ("runtime/logs", "retrieval/metrics", "learning/bank_loss"):
        finished_copy.replace(f"src/iscqk/{module}.py", '"""', '# a comment\n"""')
    finished_copy.replace("src/iscqk/runtime/logs.py", '"""', '"""Another docstring. ')
    assert finished_copy.jobs() == set()
    finished_copy.replace(
        "src/iscqk/retrieval/metrics.py", "PRECISION_FLOOR = 0.9", "PRECISION_FLOOR = 0.8"
    )
    assert finished_copy.jobs() == AFTER_SCORE


def test_one_round_more_trains_one_round_only(finished_copy):
    finished_copy.replace("tiny.yaml", "rounds: 1", "rounds: 2")
    done = finished_copy.run("snakemake all --dry-run --configfile config.yaml tiny.yaml")
    lines = (done.stdout + done.stderr).splitlines()
    trained = [line.split()[-1] for line in lines if line.strip().startswith("log:")]
    half_rounds = sorted(path for path in trained if "train-" in path)
    assert half_rounds == [f"results/logs/qk-0/train-round2-{side}.log" for side in "kq"]
    copies = sorted(path for path in trained if "copies-" in path)
    assert copies == [f"results/logs/copies-training-round2-{shard}-of-2.log" for shard in "01"]


def test_a_comment_and_the_order_of_keys_rerun_nothing(finished_copy):
    finished_copy.replace("config.yaml", "# of the JPEG", "# of each JPEG")
    finished_copy.replace(
        "tiny.yaml",
        "batch_size: 16, warm_up_images: 128",
        "warm_up_images: 128, batch_size: 16",
    )
    assert finished_copy.jobs() == set()


@pytest.mark.parametrize(
    "command", ["snakemake {} --cores", *map(long, ("snakemake {} --cores 2", "snakemake {}"))]
)
def test_the_literal_commands_are_understood(finished, command):
    literal = command.format("submission_phase2") + " --configfile config.yaml tiny.yaml"
    done = finished.run(literal)
    assert "Nothing to be done" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("train: {rouns: 2}", "config: train.rouns: unknown key; did you mean rounds?"),
        long("sed: 1", "config: sed: unknown key; did you mean seed?"),
        long("train: {rounds: -1}", "config: train.rounds: -1 is less than the minimum of 0"),
        (
            "dataset: {kind: folders, training: none, references: none, others: none}",
            "config: dataset.training: no folder none",
        ),
        ("dataset: {kind: disc21, root: .}", "no training; DISC21 calls it one of"),
        long(
            "dataset: {kind: folders, training: 'a-{0..1}', references: b, others: c}",
            "config: dataset.training: a-{0..1} is a range, as which only .tar files are named",
        ),
        long(
            "dataset: {kind: shards, training: 'a-{3..1}.tar', references: b.tar, others: c.tar}",
            "config: dataset.training: no file in the range a-{3..1}.tar; correct it",
        ),
        long(
            "dataset: {kind: shards, training: 'a-{0..999999}.tar', references: b, others: c}",
            "config: dataset: the range {0..999999}: over 20000 files; pack more images in each",
        ),
        long(
            "dataset: {kind: folders, training: 2021-05-01, references: b, others: c}",
            "config: dataset.training: 2021-05-01 is no text to YAML; write it in quotes",
        ),
        long(
            "dataset: {kind: shards, training: a.zip, references: b.tar, others: c.tar}",
            "config: dataset.training: a.zip is no .tar file; name one",
        ),
        ("model: {descriptor_size: 256}", "leaves no dimension for ranking by log_partition"),
        (
            "study: {ablations: {heat: {train.qk.heat: [1]}}}",
            "config: study.ablations.heat: train.qk.heat: no such key to change",
        ),
        long(
            "study: {ablations: {heat: {train.qk.temperature: [0]}}}",
            "config: study.ablations.heat: train.qk.temperature: 0 is less than the minimum",
        ),
        (  # laid over the default's, which is of labels
            "study: {ablations: {temperature: {train.qk.temperature: [0.02, 0.05, 0.1, 0.3]}}}",
            "config: study.ablations.temperature: labels and lists of values, as a file laid over",
        ),
    ],
)
def test_a_wrong_config_is_told_in_one_line(project, config, message):
    (project.folder / "wrong.yaml").write_text(config)
    done = project.run("snakemake all --cores --configfile config.yaml wrong.yaml", check=False)
    assert done.returncode == 1
    # Before it Snakemake names the profile and the config files, nothing comes after it.
    errors = [line for line in done.stderr.splitlines() if not re.match("Using|Config file", line)]
    assert len(errors) == 1 and errors[0].startswith("error: ") and message in errors[0]


def test_the_workflow_passes_its_linter(project):
    assert "good condition" in project.run("snakemake --lint").stderr


OTHER_CHOICES = """\
edits: {curriculum: [{round: 1, strength: [0.7, 0.9]}]}
model: {pooling: native, descriptor_size: 256}
train:
  optimizer: sgd
  schedule: constant
  qk:
    {live_head: true, learn_temperature: true, batch_norm: batch, warm_up_images: 0, bank_views: 1,
     negatives: 40, soft_targets: 0.3, teacher: teacher.safetensors}
describe: {queries: k, references: q, ranking: similarity}
score: {rankings: [similarity], convention: drivendata}
shards: {training: 1, references: 1, queries: 1}
"""


@pytest.mark.long
def test_the_other_choices_of_the_config_work_too(project):
    (project.folder / "other.yaml").write_text(OTHER_CHOICES)
    teacher = write_teacher(project.folder, seed=0)
    command = "snakemake submission_phase1 --cores --configfile config.yaml tiny.yaml other.yaml"
    project.run(command)
    folder = project.folder / "results/submission_phase1"
    score = json.loads((folder / "score.json").read_text())
    truth = project.folder / "results/data/phase1/ground_truth.csv"
    expected = float64_micro_ap(folder / "descriptors.h5", truth, max_results=10 * 20)
    assert score["convention"] == "drivendata"
    assert score["micro_ap"] == pytest.approx(expected, abs=1e-9)
    models = project.folder / "results/runs/qk-0"
    before, after = (load_file(models / f"{m}/k.safetensors") for m in ("initial", "round1-q"))
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert changed == {"head.weight", "head.bias"}  # of the frozen side: live head, frozen backbone
    temperatures = pd.read_csv(models / "round1-q/history.csv")["temperature"]
    assert temperatures.iloc[-1] != pytest.approx(0.05, abs=1e-5)
    with tarfile.open(project.folder / "results/copies/training/round1/0-of-1.tar") as tar:
        records = [json.load(tar.extractfile(m)) for m in tar if m.name.endswith("_0.json")]
    strengths = [edit["strength"] for record in records for edit in record["edits"]]
    assert strengths and min(strengths) >= 0.7 and max(strengths) <= 0.9
    taught = project.folder / "results/teachers/teacher.safetensors/training-0-of-1.h5"
    with h5py.File(taught) as file:
        assert file["vectors"].shape == (64, 5)
        assert file.attrs["weights_sha256"].decode() == sha256_of(teacher)
    told = json.loads((folder / "provenance.json").read_text())["given"]
    assert told == [{"path": "teacher.safetensors", "sha256": sha256_of(teacher)}]
    dates = teacher.stat()
    os.utime(write_teacher(project.folder, seed=1), ns=(dates.st_atime_ns, dates.st_mtime_ns))
    done = project.run(f"{command} --dry-run")
    rerun = set(re.findall(r"^(?:local)?rule (\w+):$", done.stdout + done.stderr, re.MULTILINE))
    assert {"embed_teacher", "train_q", "train_k"} <= rerun
    assert not {"draw", "prepare", "copies", "make_queries", "initial"} & rerun


def write_teacher(folder, seed):
    """Write a network that teaches, and return its file."""
    torch.manual_seed(seed)
    encoder = Encoder(EncoderConfig("test_resnet", 48, "native", 5))
    save_encoder(folder / "teacher.safetensors", encoder, {})
    return folder / "teacher.safetensors"


OWN_FOLDERS = """\
dataset:
  kind: folders
  training: own/train_50k_0
  references: [own/refs_50k_0]
  phase1: {queries: own/dev_queries_50k_0, ground_truth: own/dev_queries_groundtruth.csv}
  phase2: {queries: own/test_queries_50k_0, ground_truth: own/test_queries_groundtruth.csv}
"""


OWN_SHARDS = """\
dataset:
  kind: shards
  training: own/train_50k_{0..0}.tar
  references: [own/refs_50k_0.tar]
  phase1: {queries: own/dev_queries_50k_0.tar, ground_truth: own/dev_queries_groundtruth.csv}
  phase2: {queries: own/test_queries_50k_0.tar, ground_truth: own/test_queries_groundtruth.csv}
"""


@pytest.mark.parametrize(
    "config", [OWN_FOLDERS, *map(long, (OWN_SHARDS, "dataset: {kind: disc21, root: own}"))]
)
def test_queries_and_ground_truth_of_the_user(finished, project, config):
    """A small tree of DISC21's shape: official names, positives only, no header, CRLF."""
    data, own = finished.folder / "results/data", project.folder / "own"
    for split, name in (("training", "train_50k_0"), ("references", "refs_50k_0")):
        unpack(finished.folder / f"results/demo/{split}.tar", own / name)
        shutil.copy(finished.folder / f"results/demo/{split}.tar", own / f"{name}.tar")
    for phase, name in (("phase1", "dev"), ("phase2", "test")):
        unpack(data / phase / "images.tar", own / f"{name}_queries_50k_0")
        shutil.copy(data / phase / "images.tar", own / f"{name}_queries_50k_0.tar")
        truth = pd.read_csv(data / phase / "ground_truth.csv").dropna()
        path = own / f"{name}_queries_groundtruth.csv"
        truth.to_csv(path, header=False, index=False, lineterminator="\r\n")
    (project.folder / "own.yaml").write_text(config)
    options = "--cores --configfile config.yaml tiny.yaml own.yaml"
    manifests = "results/data/phase1/queries.csv results/data/phase2/queries.csv"
    project.run(f"snakemake {manifests} {options}")
    for phase in ("phase1", "phase2"):
        written = project.folder / f"results/data/{phase}/ground_truth.csv"
        assert written.read_text() == (data / phase / "ground_truth.csv").read_text()
        ids = pd.read_csv(project.folder / f"results/data/{phase}/queries.csv")["id"]
        assert ids.tolist() == pd.read_csv(data / phase / "queries.csv")["id"].tolist()
    (own / "dev_queries_groundtruth.csv").write_text("Q00000,R999999\n")
    done = project.run(f"snakemake results/data/phase1/queries.csv {options}", check=False)
    assert done.returncode == 1
    wanted = "own/dev_queries_groundtruth.csv, row 1 (Q00000,R999999): no image of the references"
    assert wanted in (project.folder / "results/logs/queries-phase1.log").read_text()


def test_the_page_of_stages_shows_the_graph_of_rules(project):
    files = "--configfile config.yaml workflow/presets/from-nothing.yaml"
    done = project.run(f"snakemake --rulegraph mermaid-js submission_phase2 {files}")
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", done.stdout))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", done.stdout)}
    page = (ROOT / "docs/reference/stages.md").read_text()
    shown = page.split("```mermaid")[1].split("```")[0]
    assert set(re.findall(r"(\w+) --> (\w+)", shown)) == edges


def test_a_shard_that_is_lost_is_made_again_alone(finished_copy):
    merged = "results/runs/qk-0/round1-k/phase1/similarity/descriptors.h5"
    (
        finished_copy.folder / "results/runs/qk-0/round1-k/descriptors/k/references-1-of-2.h5"
    ).unlink()
    (finished_copy.folder / merged).unlink()
    done = finished_copy.run(f"snakemake {merged} -n --configfile config.yaml tiny.yaml")
    logs = re.findall(r"^    log: results/logs/(\S+)$", done.stdout + done.stderr, re.MULTILINE)
    embed = "qk-0/round1-k/embed-descriptors-k-references-1-of-2.log"
    assert sorted(logs) == [embed, "qk-0/round1-k/merge-phase1-similarity.log"]


@pytest.mark.parametrize("lost", ["descriptors.h5", "model"])
def test_what_is_lost_of_a_submission_is_made_again(finished_copy, lost):
    folder = finished_copy.folder / "results/submission_phase2"
    (folder / lost).rename(finished_copy.folder / lost)
    assert finished_copy.jobs() == {"submit"}


def test_every_target_asks_for_all_that_its_last_rules_make(project):
    on_gpu = ["benchmark_gpu"] * gpu_count()
    last = {
        "all": ["submit"],
        "study": ["compare_methods"],
        "ablation_rounds": ["compare_settings"],
        "benchmarks": ["benchmark_table", "train_against_a_million", *on_gpu],
        "rehearsal": ["rehearse"],
        "validation": ["validation_scores"],
        "ready_model": ["pack"],
    }
    done = project.run(f"snakemake {' '.join(last)} --dry-run")
    files = {"input": {}, "output": {}}
    job = r"^(?:local)?rule (\w+):\n    input: (.*)(?:\n    output: (.*))?$"
    for rule, asked, made in re.findall(job, done.stdout + done.stderr, re.MULTILINE):
        files["input"].setdefault(rule, []).extend(asked.split(", "))
        files["output"].setdefault(rule, []).extend(made.split(", "))
    for target, rules in last.items():
        made = [file for rule in rules for file in files["output"][rule]]
        assert sorted(files["input"][target]) == sorted(made) and made


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--config train.rounds=2", "a key within a section; write it in a YAML file"),
        ("--configfile missing.yaml", "config file missing.yaml: No such file"),
        ("--configfile broken.yaml", "config file broken.yaml: not plain YAML"),
    ],
)
def test_what_snakemake_would_end_in_a_traceback_is_one_line(project, options, message):
    (project.folder / "broken.yaml").write_text("train: {rounds: 1\n")
    done = project.run(f"snakemake all --dry-run {options}", check=False)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("Using")]
    assert len(errors) == 1 and errors[0].startswith("error: ") and message in errors[0]


@pytest.mark.long
def test_a_training_of_an_ablation_is_looked_at_where_that_is_asked_for(project):
    (project.folder / "own.yaml").write_text(
        "study: {ablations: {parts: {train.qk.accumulate: [1, 7]}}}"
    )
    given = "--dry-run --quiet --configfile config.yaml own.yaml"
    assert project.run(f"snakemake submission_phase2 {given}", check=False).returncode == 0
    for target in ("ablation_parts", "ablations"):
        done = project.run(f"snakemake {target} {given}", check=False)
        assert done.returncode == 1 and "accumulate, 7; change one" in done.stderr


def test_a_file_that_is_missing_is_told_by_its_key(project):
    weights = "model: {weights: ../sscd.safetensors, backbone: resnet50}"
    (project.folder / "own.yaml").write_text(weights)
    places = "../shared/unbalanced/"
    for target, told in {
        "unbalanced --configfile config.yaml workflow/presets/unbalanced.yaml": {
            f"unbalanced.{key}": places + key for key in ("evaluation", "training")
        },
        "all --configfile config.yaml own.yaml": {"model.weights": "../sscd.safetensors"},
    }.items():
        done = project.run(f"snakemake {target} --cores", check=False)
        assert done.returncode == 1
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert [line.partition(" (seen from ")[0] for line in lines] == [
            f"error: config: {key}: no {path}" for key, path in told.items()
        ]
        assert "MissingInputException" not in done.stderr


@pytest.mark.long
def test_it_runs_from_another_folder_by_its_own_code_alone(project, tmp_path):
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (elsewhere / "mine.yaml").write_text("title: mine\n")
    module = f"module iscqk:\n    snakefile: '{project.folder}/Snakefile'\n"
    (elsewhere / "own.smk").write_text(f"{module}use rule * from iscqk\n")
    (elsewhere / "as-documented.smk").write_text(
        f"configfile: '{project.folder}/config.yaml'\n"
        f"{module}    config: config\nuse rule * from iscqk\n"
    )
    profile = f"--workflow-profile {project.folder}/profiles/default"
    for how in (
        f"cd {elsewhere} && snakemake -s {project.folder}/Snakefile",
        f"snakemake --directory {elsewhere}",
        f"cd {elsewhere} && snakemake -s {project.folder}/Snakefile --configfile mine.yaml",
        f"cd {elsewhere} && snakemake -s own.smk",
        f"cd {elsewhere} && snakemake -s as-documented.smk {profile}",
    ):
        done = project.run(f"{how} --dry-run submission_phase2")
        assert "rule score:" in done.stdout + done.stderr
    with open(project.folder / "src/iscqk/reporting/templates/report.css", "a") as file:
        file.write("\n")  # alike to the last file, it would do
    other = f"PYTHONPATH={ROOT}/src snakemake --dry-run"
    done = project.run(other, check=False)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: the code of {ROOT}/src/iscqk would run")
    assert str(project.folder) in line and "make install" in line


@pytest.mark.long
def test_a_job_that_fetched_the_rules_runs_what_is_installed_if_that_is_the_same(project):
    """What Snakemake sends of a clone has its code, too, and that is not what runs."""
    for name in ("Thumbs.db", "errors.py.orig", "#errors.py#"):  # not of the code, in either
        (project.folder / "src/iscqk" / name).write_text("left here")
    job = f"PYTHONPATH={ROOT}/src snakemake --dry-run --mode remote"
    done = project.run(job)
    assert "rule score:" in done.stdout + done.stderr
    project.replace("src/iscqk/errors.py", "2000", "2001")
    done = project.run(job, check=False)
    assert "install iscqk of the same commit where jobs run" in done.stderr


def test_environments_that_cannot_be_sent_are_told(tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path}/envs: is not there, .* copy it"):
        refuse_missing_envs(tmp_path)
    (tmp_path / "envs").mkdir()
    refuse_missing_envs(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse_unwritable_folder()
    (tmp_path / ".snakemake/log").mkdir(parents=True)
    for closed in (".snakemake", ".snakemake/log"):  # which root may write all the same
        monkeypatch.setattr(os, "access", lambda path, mode, closed=closed: path != Path(closed))
        with pytest.raises(UserError, match=f"^{closed}: cannot be written; clone"):
            refuse_unwritable_folder()


@pytest.mark.parametrize("kind", ["a link that leads nowhere", "a file"])
def test_results_that_cannot_be_written_are_told_before_any_job(project, kind):
    results = project.folder / "results"
    if kind == "a file":
        results.write_text("mine")
    else:
        results.symlink_to(project.folder / "unmounted" / "disk")
    done = project.run("snakemake submission_phase1 --cores 1 --quiet", check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "results: a " in told and "; " in told and " remove " in told


def test_a_clone_in_a_folder_with_braces_is_told(tmp_path):
    refuse_braces(tmp_path)
    for name in ("a{b", "a}b", "{x}"):
        with pytest.raises(
            UserError, match=f"/{name}: Snakemake takes .* move the clone".replace("{", "\\{")
        ):
            refuse_braces(tmp_path / name)


def test_a_full_disk_is_told_before_snakemake_writes_to_it(project):
    (project.folder / ".snakemake").mkdir()
    full = 'open("/dev/full", "wb")'
    project.replace("src/iscqk/plan/starting.py", "TemporaryFile(dir=folder)", full)
    done = project.run("snakemake all --dry-run --configfile config.yaml tiny.yaml", check=False)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if not line.startswith("Using")] == [
        "error: .snakemake: no space left to write it (disk full, quota or size limit); free some, "
        "then run the same command again"
    ]


def test_what_is_dated_ahead_is_told_before_it_is_read(project):
    for split in ("training", "references", "others"):
        (project.folder / f"own/{split}").mkdir(parents=True)
    (project.folder / "own.yaml").write_text(
        "dataset: {kind: folders, training: own/training, references: own/references, "
        "others: own/others}\n"
    )
    listed = project.folder / "results/data/references.csv"
    listed.parent.mkdir(parents=True)
    listed.write_text("made before")
    ahead = time.time() + 7200
    os.utime(project.folder / "own/references", (ahead, ahead))
    options = "--cores 1 --configfile config.yaml own.yaml"
    done = project.run(f"snakemake results/data/references.csv {options}", check=False)
    assert done.returncode == 1 and listed.read_text() == "made before"
    assert re.findall("^error: .*", done.stderr, re.MULTILINE) == [
        f"error: own/references: dated {datetime.fromtimestamp(ahead):%Y-%m-%d %H:%M:%S}, after "
        "now; what is made of it would count as older, and be removed; set the clock if it is "
        "wrong, else run touch -h own/references"
    ]


def test_of_what_is_dated_ahead_only_what_jobs_find_there_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, ahead = ("made", "found", "a little", "unread", "led to"), time.time() + 7200
    for name in names:
        Path(name).touch()
        os.utime(name, (0, ahead - 7190 if name == "a little" else ahead))
    Path("link").symlink_to("led to")
    needed = [SimpleNamespace(input=["found", "gone"], output=["made"])]
    needed.append(SimpleNamespace(input=["made", "a little"], output=["last"]))
    workflow = SimpleNamespace(dag=SimpleNamespace(needrun_jobs=lambda: needed))
    with pytest.raises(UserError, match=r"^found: dated .*; set the clock .* touch -h found$"):
        refuse_dated_ahead(workflow)
    needed[0].input.append("link")
    led_to = re.escape(str(tmp_path / "led to"))
    with pytest.raises(UserError, match=rf"^found \(and 1 more\).* touch -h found '{led_to}'$"):
        refuse_dated_ahead(workflow)
    del needed[0].input[:]
    refuse_dated_ahead(workflow)


@pytest.mark.parametrize("date", [1e12, 1e20])
def test_a_date_beyond_the_calendar_is_one_after_now(date, monkeypatch):
    monkeypatch.setattr(starting, "_dates", lambda path: [(path, date)])
    jobs = [SimpleNamespace(input=["found"], output=["made"])]
    workflow = SimpleNamespace(dag=SimpleNamespace(needrun_jobs=lambda: jobs))
    with pytest.raises(UserError, match="^found: dated after the year 9999, after now; what"):
        refuse_dated_ahead(workflow)


def test_exponents_are_numbers_and_an_empty_file_is_none(project):
    (project.folder / "empty.yaml").write_text("# nothing yet\n")
    (project.folder / "rate.yaml").write_text("train: {qk: {learning_rate: 1e-3}, rounds: 01}\n")
    assert "score" in project.jobs("empty.yaml rate.yaml")
