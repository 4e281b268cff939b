"""Which commit a result is of: that of the code that ran, wherever it ran."""

import shutil
import subprocess
import sys

import pytest

from conftest import ROOT
from iscqk.submission.environment import told_commit

PRINT = "from iscqk.submission.environment import commit; print(commit())"


def git(folder, *arguments):
    options = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = ["git", "-C", folder, *options, *arguments]
    return subprocess.run(done, check=True, capture_output=True, text=True).stdout.strip()


def run(clone, folder, **variables):
    """Run the code of a clone where a folder is the working directory."""
    env = {"PYTHONPATH": str(clone / "src"), "PATH": "/usr/bin:/bin:/usr/local/bin", **variables}
    command = [sys.executable, "-c", PRINT]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)


def told(clone, folder):
    """Return what that code says, which warns of nothing."""
    done = run(clone, folder)
    assert not done.stderr
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


def test_what_git_does_not_say_is_unknown(clone):
    (clone / "src/iscqk/submission/__init__.py").write_text("# other\n")
    (clone / ".git/config").open("a").write("[status]\nshowUntrackedFiles = nonsense\n")
    done = run(clone, clone)
    expected = {"commit": git(clone, "rev-parse", "HEAD"), "modified": None}
    assert done.stdout.strip() == str(expected)
    assert "nonsense" in done.stderr
    assert told_commit(expected).endswith(", of which git did not say whether files differ")


def test_git_is_quoted_where_it_refuses_another_users_clone(clone):
    done = run(clone, clone, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert done.stdout.strip() == str({"commit": None, "modified": None})
    (line,) = done.stderr.splitlines()
    assert "detected dubious ownership" in line and "git config --global --add safe" in line
