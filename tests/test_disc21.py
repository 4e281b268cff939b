"""The challenge's own data, as a small tree of its shape: what is scored, what is trained on."""

import json
import re

import h5py
import pandas as pd
import pytest

from conftest import long, unpack
from iscqk.formats.submission import write_submission

OPTIONS = "--cores --configfile config.yaml tiny.yaml disc21.yaml"
FIRST_PRIVATE = 10  # of the 20 queries


def official(query):
    """The name of a demo's query in a phase 1 of two halves."""
    number = int(query[1:])
    return query if number < FIRST_PRIVATE else f"Q{25_000 + number:05d}"


@pytest.fixture
def disc21(finished, project):
    """A project with the demo's images under the official names, and list files of all of them."""
    root, demo = project.folder / "disc21", finished.folder / "results"
    for split, name, lists in (
        ("training", "train_50k_0/train", "train"),
        ("references", "refs_50k_0/references", "references"),
    ):
        unpack(demo / f"demo/{split}.tar", root / name)
        paths = pd.read_csv(demo / f"data/{split}.csv")["path"]
        write_list(root / "list_files" / lists, [path.split("/")[-1][:-4] for path in paths])
    for phase, name in (("phase1", "dev"), ("phase2", "test")):
        rename = official if phase == "phase1" else str
        truth = pd.read_csv(demo / f"data/{phase}/ground_truth.csv", keep_default_na=False)
        truth["query_id"] = truth["query_id"].map(rename)
        folder = root / f"{name}_queries_50k_0"
        unpack(demo / f"data/{phase}/images.tar", folder)
        for path in list(folder.iterdir()):
            path.rename(folder / f"{rename(path.stem)}.jpg")
        positives = truth[truth["reference_id"] != ""]
        positives.to_csv(root / f"{name}_queries_groundtruth.csv", header=False, index=False)
        truth[truth["query_id"] < "Q25000"].to_csv(root / f"{phase}.csv", index=False)
    (project.folder / "disc21.yaml").write_text(
        "{dataset: {kind: disc21, root: disc21}, train: {rounds: 0}}"
    )
    return project


def write_list(path, names):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in sorted(names)))


def scored_alone(project, half):
    """What `iscqk score` says of a file, and a ground truth, of one half's queries only."""
    folder = project.folder / "results/submission_phase1"
    part = project.folder / f"{half}.h5"
    kept = slice(0, FIRST_PRIVATE) if half == "public" else slice(FIRST_PRIVATE, None)
    with h5py.File(folder / "descriptors.h5") as file:
        ids, queries = file["query_ids"][kept].astype(str), file["query"][kept]
        reference_ids, references = file["reference_ids"][:].astype(str), file["reference"][:]
    sides = [(len(ids), [(ids, queries)]), (len(reference_ids), [(reference_ids, references)])]
    write_submission(part, queries.shape[1], *sides)
    lines = (project.folder / "results/data/phase1/ground_truth.csv").read_text().splitlines()
    mine = [line for line in lines[1:] if line.split(",")[0] in set(ids)]
    (project.folder / f"{half}.csv").write_text("\n".join(mine) + "\n")
    return json.loads(project.run(f"iscqk score {half}.h5 {half}.csv").stdout)


@pytest.mark.long
def test_phase_1_is_scored_in_halves_and_phase_2_on_its_own(disc21):
    disc21.run(f"snakemake all {OPTIONS}")
    results = disc21.folder / "results"
    score = json.loads((results / "submission_phase1/score.json").read_text())
    assert list(score["halves"]) == ["public", "private"]
    for half, part in score["halves"].items():
        alone = scored_alone(disc21, half)
        del alone["scored_sha256"]  # of another file
        assert {key: part[key] for key in alone} == alone and part["queries"] == 10
    card = (results / "submission_phase1/MODEL_CARD.md").read_text()
    assert f"Of the private half: {score['halves']['private']['micro_ap']:.4f}" in card
    assert score["queries"] == 20 and score["trained_on_ground_truth"] is False
    phase2 = json.loads((results / "submission_phase2/score.json").read_text())
    assert "halves" not in phase2 and phase2["queries"] == 20


@pytest.mark.long
def test_the_public_ground_truth_alone_gives_the_public_half(disc21):
    root = disc21.folder / "disc21"
    (root / "dev_queries_groundtruth.csv").unlink()
    (root / "phase1.csv").rename(root / "list_files/public_ground_truth.csv")
    disc21.run(f"snakemake submission_phase1 {OPTIONS}")
    path = disc21.folder / "results/submission_phase1/score.json"
    halves = json.loads(path.read_text())["halves"]
    assert list(halves) == ["public"]
    assert halves["public"]["micro_ap"] == scored_alone(disc21, "public")["micro_ap"]


def test_every_score_keeps_to_the_pairs_that_are_searched_for(disc21):
    (disc21.folder / "few.yaml").write_text(
        "{search: {max_results: 123}, score: {convention: drivendata}}"
    )
    done = disc21.run(f"snakemake all study rehearsal --dry-run -p {OPTIONS} few.yaml")
    scores = re.findall(r"(?:iscqk|--then) score .*?(?=--then|&>)", done.stdout, re.DOTALL)
    assert {"--half" in words for words in scores} == {True, False} and len(scores) > 10
    for words in scores:  # a rehearsal searches for the challenge's number, whatever is configured
        assert f"--max-results {500_000 if 'rehearsal' in words else 123} " in words


def test_an_archive_that_was_forgotten_is_told(disc21):
    next((disc21.folder / "disc21/refs_50k_0/references").iterdir()).unlink()
    done = disc21.run(f"snakemake results/data/references.csv -p {OPTIONS}", check=False)
    assert "--bad-images error --official" in done.stdout + done.stderr
    log = (disc21.folder / "results/logs/prepare.log").read_text()
    assert done.returncode == 1 and "lists 1 image that is not there" in log


# What the rules of training may read, beside our own code.
TRAINED_FROM = re.compile(
    r"results/data/(listed-)?training\.csv|results/copies/training/\S+|results/runs/\S+\.safetensors"
    r"|results/runs/\S+/descriptors/[qk]/(training|copies\d+)-\d+-of-\d+\.h5|src/iscqk/\S+\.py"
)


@pytest.mark.parametrize("method", ["qk", *map(long, ("simclr", "moco", "isd"))])
def test_training_reads_no_reference_no_query_and_no_ground_truth(disc21, method):
    """Every file that the jobs up to the last weights read, but for the job that lists images."""
    (disc21.folder / "method.yaml").write_text(f"train: {{method: {method}, rounds: 1}}")
    last = "round1-k" if method == "qk" else "learned-2"
    target = f"results/runs/{method}-0/{last}/k.safetensors"
    done = disc21.run(f"snakemake {target} --dry-run {OPTIONS} method.yaml")
    jobs = re.findall(r"^rule (\w+):\n    input: (.*)$", done.stdout, re.MULTILINE)
    rules = {rule for rule, _ in jobs}
    assert {"prepare", "copies", "initial"} <= rules and not rules & {"take_queries", "merge"}
    for rule, files in jobs:
        foreign = [file for file in files.split(", ") if not TRAINED_FROM.fullmatch(file)]
        assert rule == "prepare" or not foreign, (rule, foreign)


@pytest.mark.parametrize(
    "command",
    [
        'copies --config {} --edits \'{"names": ["blur"], "strength": [0, 1], "length": [1, 1]}\' '
        "--seed 0 --round 0 --output out --training",
        "initial --config '{}' --seed 0 --output out --training",
    ],
)
def test_a_stage_of_training_refuses_references(finished, command):
    manifest = "results/data/references.csv"
    done = finished.run(f"iscqk {command} {manifest}", check=False)
    assert done.returncode == 1 and not (finished.folder / "out").exists()
    assert f"{manifest}: R000000 is no training image; training on references" in done.stderr


def test_the_preset_is_hundreds_of_jobs_that_no_number_of_images_adds_to(project):
    """A dry run looks at folders and files, and never into them: it takes seconds at any size."""
    root = project.folder / "stand-in"
    for name in ("train_50k_0", "refs_50k_0", "dev_queries_50k_0", "test_queries_50k_0"):
        (root / name).mkdir(parents=True)
    for name in ("dev", "test"):
        truth = "Q00000,R000000\nQ25000,R000000\n"
        (root / f"{name}_queries_groundtruth.csv").write_text(truth)
    (project.folder / "root.yaml").write_text("dataset: {root: stand-in}")
    files = "config.yaml workflow/presets/disc21.yaml root.yaml"
    done = project.run(f"snakemake all --dry-run --quiet rules --configfile {files}")
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE))
    assert int(counts["copies"]) == 2 * 200 and int(counts["score_half"]) == 2
    assert 1000 < int(counts["total"]) < 2000
