"""Which words of a command are targets: a folder may have a target's name."""

import pytest

from iscqk.plan.command_line import targets_among

COMPARED = ("study", "ablation", "unbalanced", "benchmarks", "results/unbalanced/")


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        ("study --cores 2", ["study"]),
        ("-c2 all --until ablation_negatives", ["ablation_negatives", "all"]),
        ("results/unbalanced/table.csv -n", ["results/unbalanced/table.csv"]),
        ("all -d unbalanced --cores all", ["all"]),
        ("all --directory=unbalanced", []),
        ("all --omit-from benchmarks --cores 1", ["all"]),
        ("--cores 2 submission_phase2", []),  # which needs no look
    ],
)
def test_targets_are_told_from_values_of_options(words, targets):
    assert targets_among(words.split(), COMPARED) == targets
