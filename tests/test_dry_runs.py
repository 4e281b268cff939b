"""The comparison of dry runs notices what changes of a job, and nothing else."""

import re
import subprocess

import pytest

import dry_runs


@pytest.fixture
def checkouts(tmp_path):
    """Return two copies of what a checkout holds."""
    folders = [tmp_path / "then", tmp_path / "now"]
    for folder in folders:
        folder.mkdir()
        sources = [dry_runs.ROOT / name for name in dry_runs.COPIED]
        subprocess.run(["cp", "-r", *sources, folder], check=True)
    return folders


@pytest.mark.long
def test_only_what_a_job_does_is_compared(checkouts, monkeypatch):
    monkeypatch.setattr(dry_runs, "RUNS", {"untrained": dry_runs.RUNS["untrained"]})
    then, now = checkouts
    with (now / "src/iscqk/errors.py").open("a") as code:
        code.write("\nOTHER = 1\n")
    assert list(dry_runs.differences(then, now)) == []
    rules = now / "workflow/rules/score.smk"
    rules.write_text(rules.read_text().replace("iscqk validate {input", "iscqk validate -v {input"))
    lines = list(dry_runs.differences(then, now))
    added = [line for line in lines if line.startswith("+command")]
    assert len(added) == 2 and all("iscqk validate -v" in line for line in added)


@pytest.mark.long
def test_no_command_has_an_argument_that_is_too_long_for_the_system(tmp_path):
    many = tmp_path / "many.yaml"
    many.write_text(
        "study: {seeds: [0, 1, 2]}\nshards: {training: 32}\n"
        "train: {rounds: 4, images_per_half_round: 12500}\n"
    )
    for job in dry_runs.written(dry_runs.ROOT, "ablation_negatives", [str(many)]).split("\n\n"):
        command = job.partition("command: ")[2]
        piped = re.compile(r"<\(printf %s '[^']*'\)", re.DOTALL)
        if "iscqk compare" in command:
            assert len(piped.search(command)[0]) > 128 * 1024
        assert all(len(word) < 128 * 1024 for word in piped.sub("", command).split("'"))
