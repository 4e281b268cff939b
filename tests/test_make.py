"""What make says, before anything is installed."""

import re
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT
from making import make


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
    over = "--configfile workflow/presets/unbalanced.yaml"
    assert asked == ["snakemake study --cores", f"snakemake unbalanced --cores {over}"]


def test_targets_that_are_asked_for_at_once_run_one_after_the_other(tmp_path):
    """MAKEFLAGS=-j4 is in many a shell; two runs of Snakemake in one folder are refused."""
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    snakemake = programs / "snakemake"
    snakemake.write_text("#!/bin/sh\nmkdir busy && sleep 0.2 && rmdir busy\n")
    snakemake.chmod(0o755)
    installed = programs.parent / ".installed"
    installed.touch()
    is_there = f"--old-file={installed.relative_to(tmp_path)}"
    done = make(tmp_path, is_there, "-j4", "submission_phase1", "submission_phase2", "report")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("there", [["3.12", "3"], ["3.11", "3.13", "3"], ["3"], []])
def test_a_python_is_taken_for_which_libraries_come_compiled(tmp_path, monkeypatch, there):
    """Not a newer one of the system, nor a name of pyenv's that does not run."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("3.11", "3.12", "3.13", "3"):
        path = programs / f"python{name}"
        path.write_text(f"#!/bin/sh\nexit {0 if name in there else 127}\n")
        path.chmod(0o755)
    for name in ("make", "sh", "bash", "sed", "env", "cat", "echo", "rm"):
        (programs / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(programs))
    done = make(tmp_path, "--dry-run", "install")
    taken = there[0] if there else "3"
    assert f'"{programs}/python{taken}" -m venv .venv' in done.stdout


INTEL = "import platform as p; p.system, p.machine = lambda: 'Darwin', lambda: 'x86_64'"
MUSL = "import sysconfig; sysconfig.get_config_var = lambda name: 'cpython-312-x86_64-linux-musl'"


@pytest.mark.parametrize("system", [INTEL, MUSL])
def test_a_system_that_torch_is_not_built_for_is_told(tmp_path, monkeypatch, system):
    (tmp_path / "sitecustomize.py").write_text(system)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = make(tmp_path, "install", f"PYTHON={sys.executable}")
    told = "error: torch has no build for this system; take Linux with glibc, or a Mac with Apple's"
    assert done.returncode == 2 and done.stderr.startswith(told)
    assert not (tmp_path / ".venv").exists()


def test_nothing_but_pictures_and_weights_is_binary_and_no_line_ends_otherwise():
    """What Git for Windows takes over is used from WSL."""
    listed = subprocess.run(["git", "ls-files", "--eol"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no clone")
    lines = listed.stdout.splitlines()
    assert not [line for line in lines if line.startswith(("i/crlf", "i/mixed"))]
    binary = {line.rpartition(".")[2] for line in lines if line.startswith("i/-text")}
    attributes = (ROOT / ".gitattributes").read_text()
    assert binary <= set(re.findall(r"^\*\.(\w+) binary$", attributes, re.MULTILINE))
