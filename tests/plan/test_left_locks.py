"""What a killed Snakemake has locked is free for the next, and for nobody else."""

import fcntl
import os
import subprocess
import sys

import pytest

from iscqk.plan.left_locks import LOCKS, RUNNING, jobs_outlive_this, remove_left_locks

# Starts as a Snakemake does, locks a file, and waits to be killed.
RUN = """
import sys, time
from iscqk.plan.left_locks import LOCKS, jobs_outlive_this, remove_left_locks
print(remove_left_locks())
LOCKS.mkdir(exist_ok=True)
(LOCKS / f"{len(list(LOCKS.iterdir()))}.output.lock").write_text("a file")
if "elsewhere" in sys.argv:
    jobs_outlive_this()
print("locked", flush=True)
time.sleep(600)
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function that starts a run, which has then locked a file."""
    monkeypatch.chdir(tmp_path)
    started = []

    def start(*arguments):
        words = [sys.executable, "-c", RUN, *arguments]
        run = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        started.append(run)
        assert run.stdout.readline() == "False\n" and run.stdout.readline() == "locked\n"
        return run

    yield start
    for run in started:
        kill(run)
        run.stdout.close()


def kill(run):
    run.kill()
    run.wait()


def next_run_removes():
    """Return what `remove_left_locks` does in a process that ends at once."""
    child = os.fork()
    if not child:
        os._exit(int(remove_left_locks()))
    return bool(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def test_locks_of_a_run_stay_while_it_lives_and_go_once_it_was_killed(start):
    run = start()
    assert not next_run_removes() and (LOCKS / "0.output.lock").exists()
    kill(run)
    assert next_run_removes() and not LOCKS.exists()
    assert not next_run_removes()


def test_one_run_that_lives_keeps_the_locks_of_all(start):
    first, second = start(), start()
    kill(first)
    assert not next_run_removes() and len(list(LOCKS.iterdir())) == 2
    kill(second)
    assert next_run_removes() and not LOCKS.exists()


def test_nobody_knows_of_a_run_on_another_machine(start, monkeypatch):
    kill(start())
    with monkeypatch.context() as context:
        context.setattr(os, "uname", lambda: os.uname_result(["", "another", "", "", ""]))
        assert not next_run_removes()
        assert not next_run_removes() and LOCKS.exists()  # nor later
    assert not next_run_removes() and LOCKS.exists()  # both were here


def test_jobs_on_other_machines_go_on(start):
    kill(start("elsewhere"))
    assert not next_run_removes() and LOCKS.exists()
    (LOCKS / "0.output.lock").unlink()  # as --unlock does
    kill(start())
    assert next_run_removes()


def test_locks_of_an_earlier_version_or_of_another_workflow_stay(start):
    LOCKS.mkdir(parents=True)
    (LOCKS / "0.input.lock").touch()
    assert not next_run_removes() and LOCKS.exists()


def test_a_disk_that_locks_nothing_and_a_file_that_cannot_be_opened_change_nothing(
    start, monkeypatch
):
    kill(start())

    def flock(*_):
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as context:
        context.setattr(fcntl, "flock", flock)
        assert not next_run_removes() and LOCKS.exists()
    RUNNING.rename("kept")
    RUNNING.mkdir()
    assert not next_run_removes() and LOCKS.exists()
    jobs_outlive_this()
    RUNNING.rmdir()
    os.rename("kept", RUNNING)
    assert next_run_removes()


@pytest.mark.skipif(bool(os.geteuid()), reason="has no other user")
def test_a_run_of_another_user_is_known_by_the_file_that_they_may_only_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not next_run_removes()
    RUNNING.chmod(0o644)
    tmp_path.chmod(0o755)
    os.seteuid(65534)
    try:
        assert not remove_left_locks()  # runs from now on
    finally:
        os.seteuid(0)
    LOCKS.mkdir()
    (LOCKS / "0.input.lock").touch()
    assert not next_run_removes() and LOCKS.exists()
