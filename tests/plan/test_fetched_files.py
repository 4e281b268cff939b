"""Commands name files where jobs have them: elsewhere than the plan says if from a storage.

A folder stands for the storage, as a dry run asks for a thousand files.
"""

import importlib.util
import re

import pytest

from conftest import make_project

TARGETS = "all study ablations unbalanced benchmarks rehearsal validation report"
CLASSES = ("classes/training.tar", "classes/evaluation.tar")
WHERE = "--default-storage-provider fs --default-storage-prefix bucket"
FETCHED = ".snakemake/storage/fs/bucket/"
# A training keeps these in the storage itself, while it runs.
KEPT = re.compile("--(resume|tensorboard) bucket/results/")
# Stages that open the images that a manifest names.
OPENING = {
    *("queries", "copies", "initial", "embed", "train", "learning-curve", "benchmark-images"),
    "validation-queries",
    "report",
}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """Return (inputs, command) of every job that all targets would take."""
    if not importlib.util.find_spec("snakemake_storage_plugin_fs"):
        pytest.skip("not installed: snakemake-storage-plugin-fs (envs/requirements-dev.txt)")
    project = make_project(tmp_path_factory.mktemp("fetched"))
    for name in CLASSES:
        path = project.folder / "bucket" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (project.folder / "classes.yaml").write_text(
        "unbalanced: {{training: {}, evaluation: {}}}\ntensorboard: true".format(*CLASSES)
    )
    files = "--configfile config.yaml tiny.yaml classes.yaml"
    done = project.run(f"snakemake {TARGETS} --cores 8 --dry-run -p {WHERE} {files}")
    blocks = re.split(r"^(?=rule \w+:$)", done.stdout + done.stderr, flags=re.MULTILINE)[1:]
    found = []
    for block in blocks:
        command = re.search(r"^ +(iscqk \S+(?:.|\n)+?)&>.+$", block, re.MULTILINE)
        inputs = re.search(r"^ +input: (.+)$", block, re.MULTILINE)
        if command:
            found.append((inputs[1] if inputs else "", command[1]))
    return found


def test_every_command_names_files_where_they_were_fetched_to(jobs):
    assert len({command.split()[1] for _, command in jobs}) > 20
    for _, command in jobs:
        planned = KEPT.sub("", command).replace(f"{FETCHED}results/", "")
        for name in CLASSES:
            planned = planned.replace(f"{FETCHED}{name}", "")
        assert FETCHED in command and "results/" not in planned, command
        assert not any(name in planned for name in CLASSES), command


def test_trainings_keep_in_the_storage_what_they_go_on_from(jobs):
    trainings = [command for _, command in jobs if command.split()[1] == "train"]
    for command in trainings:
        assert {found[1] for found in KEPT.finditer(command)} == {"resume", "tensorboard"}, command
        assert "--storage fs " in command
    assert len(trainings) > 20


def test_what_opens_images_has_their_shards(jobs):
    listed = "(training|references|others|queries|unbalanced|evaluation)"
    manifest = re.compile(rf"results/data/\S*{listed}\.csv")
    stages = [(command.split()[1], inputs) for inputs, command in jobs]
    opening = [(stage, inputs) for stage, inputs in stages if stage in OPENING]
    assert {stage for stage, inputs in opening if ".tar" in inputs} == OPENING
    for stage, inputs in opening:
        for name in manifest.findall(inputs):
            if (stage, name) == ("queries", "training"):
                continue  # of which only the digests are compared
            name = {"queries": "images", "unbalanced": "classes/training"}.get(name, name)
            assert f"{name}.tar" in inputs, stage
