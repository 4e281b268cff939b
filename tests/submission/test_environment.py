"""Which commit a result is of: that of the code that ran, wherever it ran."""

import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

PRINT = "from iscqk.submission.environment import commit; print(commit())"


def git(folder, *arguments):
    options = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = ["git", "-C", folder, *options, *arguments]
    return subprocess.run(done, check=True, capture_output=True, text=True).stdout.strip()


def told(clone, folder):
    """Return what the code of a clone says where a folder is the working directory."""
    env = {"PYTHONPATH": str(clone / "src"), "PATH": "/usr/bin:/bin:/usr/local/bin"}
    command = [sys.executable, "-c", PRINT]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path):
    """Return a repository that has the code committed."""
    folder = tmp_path / "clone"
    names = "errors", *(f"{room}/__init__" for room in ("submission", "runtime"))
    for name in ("__init__", *names, "submission/environment", "runtime/cores"):
        name = f"src/iscqk/{name}.py"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / ".gitignore").write_text("__pycache__/\n")
    git(tmp_path, "init", "-q", folder)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "all")
    return folder


def test_it_is_that_of_the_code_not_of_the_folder_that_it_runs_in(clone, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    git(tmp_path, "init", "-q", elsewhere)
    git(elsewhere, "commit", "-qm", "other", "--allow-empty")
    clean = str({"commit": git(clone, "rev-parse", "HEAD"), "modified": False})
    assert told(clone, elsewhere) == told(clone, clone) == clean
    shutil.copytree(clone / "src", elsewhere / "env/src")  # as an environment in a repository
    assert told(elsewhere / "env", elsewhere) == str({"commit": None, "modified": None})


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("mine.yaml", False),
        ("pictures/a.jpg", False),
        ("src/iscqk/methods/own.py", True),
        ("src/iscqk/submission/__init__.py", True),
    ],
)
def test_what_results_depend_on_counts_as_a_change(clone, file, counts):
    (clone / file).parent.mkdir(parents=True, exist_ok=True)
    (clone / file).write_text("# other\n")
    assert f"'modified': {counts}" in told(clone, clone)
