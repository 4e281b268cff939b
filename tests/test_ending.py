"""Signals, lost and hanging workers end a stage in one line, and nothing stays behind."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iscqk.ending import HANGING, LOST_WORKER

SCRIPT = Path(__file__).with_name("endings.py")
GOES_ON = "error: stopped by {}; the same command goes on from here"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return how every case of endings.py ends."""
    command = [sys.executable, str(SCRIPT), str(tmp_path_factory.mktemp("endings"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def ends(found, case, status, line):
    assert found[case]["printed"] == [line]
    assert found[case]["status"] == status and not found[case]["alive"]


@pytest.mark.parametrize("what", ["load", "pool"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("whom", ["to_all", "to_main"])
def test_a_signal_ends_a_stage_and_its_workers(found, what, name, whom):
    case = f"{what}, {name} {whom}"
    ends(found, case, 128 + signal.Signals[name], GOES_ON.format(name))
    assert not found[case]["left"]


@pytest.mark.parametrize("what", ["load", "pool"])
def test_workers_end_with_a_killed_stage(found, what):
    case = found[f"{what}, SIGKILL to_main"]
    assert case["status"] == -signal.SIGKILL and not case["alive"]


@pytest.mark.parametrize("what", ["load", "pool"])
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_lost_worker_is_told_with_its_remedy(found, what, name):
    case = f"{what}, {name} to_a_worker"
    ends(found, case, 1, f"error: {LOST_WORKER}")
    assert not found[case]["left"]


@pytest.mark.parametrize("what", ["load", "pool"])
def test_what_hangs_is_given_up(found, what):
    ends(found, f"{what}, hanging", 1, f"error: {HANGING}")


def test_an_error_in_a_loaders_worker_is_one_line(found):
    line = "error: item 7: cannot read this image (damaged); replace or remove it"
    ends(found, "load, a fault in a worker", 1, line)


def test_a_stage_ends_with_the_process_that_it_follows(found):
    ends(found, "followed", 128 + signal.SIGTERM, GOES_ON.format("SIGTERM"))
