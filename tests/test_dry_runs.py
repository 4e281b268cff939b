"""The comparison of dry runs notices what changes of a job, and nothing else."""

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
