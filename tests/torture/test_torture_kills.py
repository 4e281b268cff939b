"""Hundreds of kills over the tiny workflow: any process or all, by any signal, at any moment.

`make torture`; ISCQK_KILLS says how many kills (200), ISCQK_SEED repeats them.
"""

import os
import shutil
import time

import pytest

from killing import Killer, left_over, moments, results

pytestmark = pytest.mark.torture
KILLS = int(os.environ.get("ISCQK_KILLS", 200))
COMMAND = "snakemake submission_phase2 --cores --configfile config.yaml tiny.yaml"


def test_kills_of_any_kind_change_no_file(project):
    started = time.monotonic()
    project.run(COMMAND)
    whole, expected = time.monotonic() - started, results(project)
    killer, finished = Killer(project, COMMAND, expected, moments()), 0
    while killer.kills < KILLS:
        shutil.rmtree(project.folder / "results")
        while not killer.run(whole / 6):
            print(f"kill {killer.kills}, {time.monotonic() - started:.0f} s", flush=True)
        assert results(project) == expected
        assert not left_over(project)
        finished += 1
    print(f"{killer.kills} kills in {time.monotonic() - started:.0f} s: {killer.tally}")
    print(f"{finished} times to the end, {len(expected)} files the same each time")
