"""Killed at any moment and started again, the workflow ends with the very same files."""

import fcntl
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


def test_a_second_run_beside_the_first_is_told_so_and_after_its_kill_goes_on(finished_copy):
    locks = finished_copy.folder / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    target = str(finished_copy.folder / TARGET)
    (locks / "0.output.lock").write_text(f"{target}\n{TARGET}\n")
    with open(finished_copy.folder / ".snakemake/running") as first:
        fcntl.flock(first, fcntl.LOCK_SH)
        done = finished_copy.run(f"{COMMAND} --forcerun train_q", check=False)
    assert done.returncode == 1
    told = f"error: another snakemake works in {finished_copy.folder} on the same files; wait"
    assert sum(line.startswith(told) for line in done.stderr.splitlines()) == 1
    assert "LockException" not in done.stderr and "kill signal" not in done.stderr
    done = finished_copy.run(COMMAND)
    assert "the run before this one was killed; what it had locked is free" in done.stderr
    assert not list(locks.glob("*"))
