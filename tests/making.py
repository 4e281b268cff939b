"""Running make in a folder of its own."""

import os
import shutil
import subprocess

from conftest import ROOT


def make(folder, *arguments):
    """Run make in a folder as one types it, not as a part of the make that runs the tests."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "envs", folder / "envs", dirs_exist_ok=True)
    env = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(["make", *arguments], cwd=folder, env=env, capture_output=True, text=True)
