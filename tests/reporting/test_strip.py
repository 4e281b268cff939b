"""The strip of queries and references that were found, by its command, of the tiny project."""

import subprocess
import sys

import pandas as pd
import pytest
from PIL import Image

from conftest import ROOT

STRIP = ROOT / "docs/strip.py"


def run(folder, *options):
    command = [sys.executable, STRIP, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_strip_has_a_column_for_each_pair(finished, tmp_path):
    sizes = []
    for count in (1, 2):
        options = ["--phase", "phase1", "--count", str(count), "--output", tmp_path / "found.jpg"]
        done = run(finished.folder, *options)
        assert done.returncode == 0, done.stderr
        with Image.open(tmp_path / "found.jpg") as image:
            sizes.append(image.size)
    assert sizes == [(132, 272), (272, 272)]


@pytest.mark.parametrize("found", [True, False])
def test_without_what_it_shows_it_says_so_in_one_line(finished_copy, tmp_path, found):
    predictions = finished_copy.folder / "results/submission_phase2/predictions.csv"
    if found:
        pd.read_csv(predictions).head(0).to_csv(predictions, index=False)
    else:
        predictions.unlink()
    done = run(finished_copy.folder, "--output", tmp_path / "found.jpg")
    assert done.returncode == 1 and not (tmp_path / "found.jpg").exists()
    assert done.stderr.startswith("error: results/submission_phase2/predictions.csv")
    assert done.stderr.count("\n") == 1
