"""Commands name files where jobs have them: elsewhere than the plan says if from a storage.

A folder stands for the storage, as a dry run asks for a thousand files.
"""

import importlib.util
import re

import pytest

from conftest import make_project

TARGETS = "all study ablations unbalanced benchmarks rehearsal validation report"
CLASSES = ("classes/training.tar", "classes/evaluation.tar")
EARLIER = "earlier/run"
SUBMITTED = f"{EARLIER}/submission_phase2"
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


SHARDS = """\
dataset:
  kind: shards
  training: pictures/training-{0..3}.tar
  references: [pictures/references-0.tar, pictures/references-1.tar]
  others: pictures/others.tar
shards: {training: 8, references: 1}
model: {weights: given/w.safetensors}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project whose images are in a storage: labelled ones, and tar files."""
    if not importlib.util.find_spec("snakemake_storage_plugin_fs"):
        pytest.skip("not installed: snakemake-storage-plugin-fs (envs/requirements-dev.txt)")
    project = make_project(tmp_path_factory.mktemp("fetched"))
    numbered = [f"training-{n}" for n in range(4)] + [f"references-{n}" for n in range(2)]
    others = [f"{SUBMITTED}/{name}.json" for name in ("score", "provenance")]
    tars = [f"pictures/{name}.tar" for name in [*numbered, "others"]]
    given = ("bucket/given/w.safetensors", "given/w.safetensors")  # one of its name here, too
    for name in (*given, *(f"bucket/{name}" for name in (*CLASSES, *others, *tars))):
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (project.folder / "classes.yaml").write_text(
        "unbalanced: {{training: {}, evaluation: {}}}\ntensorboard: true\n"
        "report: {{compare: {}/}}".format(*CLASSES, EARLIER)
    )
    (project.folder / "shards.yaml").write_text(SHARDS)
    return project


def jobs_of(project, targets, config):
    """Return (inputs, command) of every job that targets would take."""
    files = f"--configfile config.yaml tiny.yaml {config}"
    done = project.run(f"snakemake {targets} --cores 8 --dry-run -p {WHERE} {files}")
    blocks = re.split(r"^(?=rule \w+:$)", done.stdout + done.stderr, flags=re.MULTILINE)[1:]
    found = []
    for block in blocks:
        command = re.search(r"^ +(iscqk \S+(?:.|\n)+?)&>.+$", block, re.MULTILINE)
        inputs = re.search(r"^ +input: (.+)$", block, re.MULTILINE)
        if command:
            found.append((inputs[1] if inputs else "", command[1]))
    return found


@pytest.fixture(scope="module")
def jobs(project):
    return jobs_of(project, TARGETS, "classes.yaml")


def test_every_command_names_files_where_they_were_fetched_to(jobs):
    assert len({command.split()[1] for _, command in jobs}) > 20
    for _, command in jobs:
        planned = KEPT.sub("", command).replace(f"{FETCHED}results/", "")
        for name in (*CLASSES, EARLIER):
            planned = planned.replace(f"{FETCHED}{name}", "")
        assert FETCHED in command and "results/" not in planned, command
        assert not any(name in planned for name in (*CLASSES, EARLIER)), command


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


def test_a_job_has_the_tar_files_of_its_part_and_no_other(project):
    tars = re.compile(r"pictures/(\w+)-(\d)\.tar")
    made = {}
    given = "given/w.safetensors"
    for inputs, command in jobs_of(project, "submission_phase2", "shards.yaml"):
        stage, files = command.split()[1], sorted(tars.findall(inputs))
        if stage == "submit":
            assert f"--given {FETCHED}{given} --given-names {given} " in re.sub(
                r"\s+", " ", command
            )
        if stage in ("embed", "copies") and files:
            shard, shards = re.search(r"--shard (\d+) --shards (\d+)", command).groups()
            assert sorted(tars.findall(command)) == files
            assert f"--of {4 if files[0][0] == 'training' else 2}" in command
            made.setdefault((stage, files[0][0]), {})[int(shard), int(shards)] = files
    of_training = {(n, 8): [("training", str(n // 2))] for n in range(8)}
    assert made == {
        ("copies", "training"): of_training,
        ("embed", "training"): of_training,
        ("embed", "references"): {(0, 1): [("references", "0"), ("references", "1")]},
    }
