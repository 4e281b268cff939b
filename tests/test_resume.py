"""A killed training goes on where it stopped and ends with the same bytes, by any method."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).with_name("resumes.py")


def test_killed_trainings_end_with_the_same_bytes(finished, tmp_path):
    command = [sys.executable, str(SCRIPT), str(finished.folder), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=finished.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    resumed = found.pop("resumed")
    assert len(found) == 7 and resumed >= sum(case["kills"] for case in found.values()) >= 7
    for name, case in found.items():
        assert case["files"] >= 3 and not case["differ"], f"{name}: {case}, {done.stdout}"
