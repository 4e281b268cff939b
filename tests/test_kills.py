"""Killed at any moment and started again, the workflow ends with the very same files."""

import os
import random
import shutil
import signal
import subprocess

import pytest

KILLS = 5
COMMAND = "snakemake submission_phase2 --cores --configfile config.yaml tiny.yaml"
# What tells of a run and not of its result: logs, times, states to resume from.
TRANSIENT = ("logs", "usage", "resume")
TIMED = ("history.csv", "provenance.json")


@pytest.fixture
def moments():
    """Return a source of random moments, another in every run of the test; ISCQK_SEED fixes it."""
    seed = int(os.environ.get("ISCQK_SEED", random.randrange(10**6)))
    print(f"ISCQK_SEED={seed}")  # pytest shows it where the test fails
    return random.Random(seed)


def results(project):
    """Return the content of every result file by its name, temporary ones left out."""
    root = project.folder / "results"
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
        and path.name[0] != "."
        and path.relative_to(root).parts[0] not in TRANSIENT
        and path.name not in TIMED
    }


def seconds(project):
    """Return how long a finished project took: from its configuration to its last result."""
    files = [path for path in (project.folder / "results").rglob("*") if path.is_file()]
    started = (project.folder / "tiny.yaml").stat().st_mtime
    return max(path.stat().st_mtime for path in files) - started


def killed(project, after):
    """Run the workflow, kill all its processes after some seconds; False if it was done before."""
    running = subprocess.Popen(
        COMMAND,
        shell=True,
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert running.wait(after) == 0
        return False
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return True


def test_five_kills_change_no_file(finished, project, moments):
    expected, whole = results(finished), seconds(finished)
    kills = 0
    while kills < KILLS:
        if not killed(project, moments.uniform(0, whole / 4)):
            shutil.rmtree(project.folder / "results")
            continue
        kills += 1
        for name, content in results(project).items():
            assert content == expected[name], f"{name} is half written after kill {kills}"
        project.run("snakemake --unlock --configfile config.yaml tiny.yaml")
    project.run(COMMAND)
    outcome = results(project)
    assert outcome.items() <= expected.items()
    assert {f"submission_phase2/{n}" for n in ("descriptors.h5", "predictions.csv")} <= set(outcome)
    assert not list((project.folder / "results").rglob(".*.part*"))
