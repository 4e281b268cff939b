"""Killed at any moment and started again, the workflow ends with the very same files."""

import shutil
import signal

import pytest

from killing import Killer, left_over, moments, results

pytestmark = pytest.mark.long

KILLS = 3
# Images, copies, two trainings and a bank; `make torture` kills all of it (tests/torture).
TARGET = "results/runs/qk-0/round1-q/q.safetensors"
COMMAND = f"snakemake {TARGET} --cores --configfile config.yaml tiny.yaml"


def seconds(project):
    """Return how long a project takes about: from its configuration to the target.

    Twice what the finished one took, whose libraries were imported beforehand.
    """
    started = (project.folder / "tiny.yaml").stat().st_mtime
    return 2 * ((project.folder / TARGET).stat().st_mtime - started)


def test_kills_change_no_file(finished, project):
    expected = results(finished)
    killer = Killer(project, COMMAND, expected, moments())
    while killer.kills < KILLS:
        if killer.run(seconds(finished) / 3, [signal.SIGKILL], ["all"]):
            shutil.rmtree(project.folder / "results")
    project.run(COMMAND)
    outcome = results(project)
    assert outcome.items() <= expected.items()
    assert {TARGET.removeprefix("results/"), "data/training.csv"} <= set(outcome)
    assert not left_over(project)


def test_a_second_run_beside_the_first_is_told_what_to_do(finished_copy):
    """Also what a killed Snakemake leaves: a lock, and how to remove it."""
    locks = finished_copy.folder / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    target = str(finished_copy.folder / TARGET)
    (locks / "0.output.lock").write_text(f"{target}\n{TARGET}\n")
    done = finished_copy.run(f"{COMMAND} --forcerun train_q", check=False)
    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert "Directory cannot be locked" in told and "--unlock" in told
    finished_copy.run(f"{COMMAND} --unlock")
    assert not list(locks.glob("*"))
