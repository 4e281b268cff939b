"""The table of docs/how-to/change-one-thing.md, line by line, on a finished project."""

import re
import shutil

import pytest

from conftest import ROOT, Project, unpack

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs/how-to/change-one-thing.md").read_text().split("## What a key reruns")[1]
TABLE = PAGE.split("\n\n")[2]
# By what the first column of a line begins with: a change of the keys that it names.
CHANGES = {
    "title": "title: another",
    "tensorboard": "tensorboard: true",
    "train.log_every": "train: {log_every: 3, checkpoint_every: 5}",
    "train.processes": "train: {processes: 2}",
    "shards.training": "shards: {training: 3, references: 1, queries: 2}",
    "shards.search": "shards: {search: 2}",
    "study": "{study: {seeds: [0, 1], methods: [qk]}, unbalanced: {rare: 7}, "
    "benchmarks: {repeats: 7}, rehearsal: {repeats: 7}, validation: {side: 64}, "
    "ready: {bank_rows: 7}, report: {compare: ../other}, costs: {gpu_hour: 7}}",
    "train.isd": "train: {isd: {student_temperature: 1}, moco: {momentum: 0.5}}",
    "study.points": "{train: {method: moco}, study: {points: 1}}",
    "train.method": "train: {method: moco}",
    "search.max_results": "search: {max_results: 400000}",
    "score.convention": "score: {convention: drivendata}",
    "score.rankings": "score: {rankings: [log_partition]}",
    "describe.ranking": "describe: {ranking: similarity}",
    "describe.temperature": "describe: {temperature: 0.1}",
    "describe.precision": "describe: {precision: bf16}",
    "queries": "queries: {side: 256}",
    "edits.phase2": "edits: {phase2: {strength: [0.5, 0.8]}}",
    "train.qk.temperature": "train: {qk: {temperature: 0.1}}",
    "train.simclr.temperature": "train: {simclr: {temperature: 0.2}}",
    "train.rounds": "train: {rounds: 2}",
    "edits.training": "{edits: {training: {length: [1, 2]}}, copies: {quality: 80}}",
    "model": "model: {whitening: 0.25}",
    "dataset.references": "dataset: {references: own/more}",
    "seed": "seed: 1",
}


@pytest.fixture(scope="module")
def finished_by_moco(finished, tmp_path_factory):
    """Return a project whose submissions are by MoCo; tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("moco") / "project"
    shutil.copytree(finished.folder, folder)
    project = Project(folder)
    (folder / "moco.yaml").write_text("train: {method: moco}")
    project.run("snakemake all --cores --configfile config.yaml tiny.yaml moco.yaml")
    assert project.jobs("moco.yaml") == set()
    return project


@pytest.fixture(scope="module")
def finished_in_folders(finished, tmp_path_factory):
    """Return a project that was made of images in folders; tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("folders") / "project"
    shutil.copytree(finished.folder, folder)
    project, splits = Project(folder), ("training", "references", "others")
    for split in splits:
        unpack(folder / f"results/demo/{split}.tar", folder / f"own/{split}")
    shutil.copytree(folder / "own/others", folder / "own/more")
    places = ", ".join(f"{split}: own/{split}" for split in splits)
    (folder / "own.yaml").write_text(f"dataset: {{kind: folders, {places}}}")
    options = "--configfile config.yaml tiny.yaml own.yaml"
    project.run(f"snakemake all --cores {options} --touch --forceall")
    assert project.jobs("own.yaml") == set()
    return project


OTHERS = {  # than one drawn and by Q/K, with what is laid over its config
    "study.points": ("finished_by_moco", ""),
    "dataset.references": ("finished_in_folders", "own.yaml "),
}


@pytest.fixture(scope="module")
def following(finished):
    """Return the rules that follow each rule, itself among them, as Snakemake draws them."""
    graph = finished.run(
        "snakemake --rulegraph mermaid-js all --configfile config.yaml tiny.yaml"
    ).stdout
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", graph))
    edges = [(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", graph)]
    found = {name: {name} for name in names.values()}
    for _ in found:  # at most as many steps as there are rules
        for before, after in edges:
            found[before] |= found[after]
    return {name: rules - {"all"} for name, rules in found.items()}


def promised(cell, following):
    """Return the rules that a cell of the table names, and those that follow where it says so."""
    named = {"draw"} if cell == "everything" else set(re.findall(r"`(\w+)`", cell))
    if cell == "everything" or "what follows" in cell:
        return set().union(*(following[name] for name in named))
    return named


LINES = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines()[2:]]


def test_every_line_of_the_table_is_tried():
    begins = [re.match(r"`([\w.]+?)(\.\*)?`", change).group(1) for change, _ in LINES]
    assert begins == list(CHANGES)


@pytest.mark.parametrize("change, cell", LINES, ids=list(CHANGES))
def test_a_key_reruns_what_the_page_says(request, following, tmp_path, change, cell):
    begin = re.match(r"`([\w.]+?)(\.\*)?`", change).group(1)
    path = tmp_path / "change.yaml"
    path.write_text(CHANGES[begin])
    name, laid_over = OTHERS.get(begin, ("finished", ""))
    project = request.getfixturevalue(name)
    assert project.jobs(f"{laid_over}{path}") == promised(cell, following)
