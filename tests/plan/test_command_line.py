"""What the words of a command ask for, told before Snakemake tells it."""

import pytest

from iscqk.plan.command_line import is_forced, options_to_repeat, targets_among

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
    """A folder may have a target's name."""
    assert targets_among(words.split(), COMPARED) == targets


@pytest.mark.parametrize("words", ["-F", "-Fn", "-nF", "--forceall", "-R prepare", "-nR a prepare",
    "-Rprepare", "--forcerun=prepare", "--forcerun a prepare --cores 2"])  # fmt: skip
def test_what_is_asked_for_by_name_is_told_before_snakemake_tells_it(words):
    assert is_forced({"prepare"}, ["snakemake", *words.split()])


@pytest.mark.parametrize("words", ["prepare", "-n prepare", "-R a --until prepare", "-c2", "-F=1"])
def test_nothing_else_is_asked_for_by_name(words):
    assert not is_forced({"prepare"}, ["snakemake", *words.split()])


@pytest.mark.parametrize(
    ("arguments", "repeated"),
    [
        ("submission_phase2 --cores all", ""),
        (
            "all --cores all --configfile config.yaml tiny.yaml",
            " --configfile config.yaml tiny.yaml",
        ),
        (
            "--configfiles a.yaml --config seed=1 -F all -d else",
            " --directory else --configfile a.yaml --config seed=1",
        ),
        ("-C seed=1 --workflow-profile=profiles/slurm", " --workflow-profile profiles/slurm "),
        (
            "all --executor local --default-storage-prefix s3://bucket/run --config seed=1",
            " --default-storage-prefix s3://bucket/run --config seed=1",
        ),
    ],
)
def test_options_that_say_of_what_a_run_is_are_repeated(arguments, repeated):
    told = options_to_repeat(arguments.split())
    assert told.startswith(repeated) if repeated.endswith(" ") else told == repeated
