"""The curve over images seen counts as the table beside it does."""

import numpy as np
import pandas as pd
import pytest

from iscqk.bench.stages import learning_curve
from iscqk.cli import main

# The second query, of which the ground truth says nothing, is nearest to a reference.
VECTORS = {"query": [[0.9, 0], [0, 1]], "reference": [[1, 0], [0, 1]]}
IDS = {"query": ["Q00000", "Q00001"], "reference": ["R000000", "R000001"]}


@pytest.mark.parametrize(
    ("options", "micro_ap"),
    [("", 0.5), ("--convention fb --max-results 1", 0), ("--convention drivendata", 1)],
)
def test_the_curve_counts_by_the_convention(tmp_path, monkeypatch, options, micro_ap):
    def described(encoder, manifest, side, arguments):
        return np.array(IDS[side]), np.array(VECTORS[side], dtype=np.float32)

    monkeypatch.setattr(learning_curve, "_loaded", lambda *_: None)
    monkeypatch.setattr(learning_curve, "_described", described)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "truth.csv").write_text("Q00000,R000000\n")
    command = "learning-curve --models initial --references r --queries q q --output curve.csv"
    assert main([*f"{command} --ground-truth truth.csv truth.csv {options}".split()]) == 0
    assert pd.read_csv("curve.csv")["micro_ap"].tolist() == [micro_ap] * 2
