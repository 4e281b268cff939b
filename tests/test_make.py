"""What make says, before anything is installed."""

import os
import shutil
import subprocess

import pytest

from conftest import ROOT


def make(folder, *arguments):
    """Run make in a folder as one types it, not as a part of the make that runs the tests."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "envs", folder / "envs", dirs_exist_ok=True)
    env = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(["make", *arguments], cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("python", ["missing", "", "/"])
def test_a_python_that_does_not_run_is_told(tmp_path, python):
    done = make(tmp_path, f"PYTHON={python}")
    assert done.returncode == 2
    told = f"error: PYTHON={python} does not run; run make PYTHON=/path/to/python3.11"
    assert done.stderr.splitlines()[0] == told
    assert not (tmp_path / ".venv").exists()


def test_help_names_every_target_and_so_does_a_wrong_one(tmp_path):
    lines = (ROOT / "Makefile").read_text().replace("\\\n", "").splitlines()
    phony = next(line for line in lines if line.startswith(".PHONY: "))
    targets = next(line for line in lines if line.startswith("TARGETS := "))
    helped = make(tmp_path, "help")
    for name in {*phony.split()[2:], *targets.split()[2:]} - {"help"}:
        assert f" {name}" in helped.stdout, name
    wrong = make(tmp_path, "al")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: there is no target al; take one of these:\n")
    assert helped.stdout in wrong.stderr


def test_unbalanced_is_asked_for_with_its_preset(tmp_path):
    done = make(tmp_path, "--dry-run", "study", "unbalanced")
    asked = [line for line in done.stdout.splitlines() if line.startswith("snakemake ")]
    over = "--configfile config.yaml workflow/presets/unbalanced.yaml"
    assert asked == ["snakemake study --cores", f"snakemake unbalanced --cores {over}"]
