"""Where a result comes from: versions, commit, configuration, hashes."""

import importlib.metadata
import logging
import os
import platform
import subprocess
from collections.abc import Mapping
from typing import Any

from iscqk.runtime.cores import processor_name

log = logging.getLogger(__name__)

PACKAGES = (
    *("torch", "torchvision", "timm", "faiss-cpu", "h5py", "numpy", "pandas", "pillow"),
    *("augly", "snakemake", "iscqk"),
)
_OF_RESULTS = ("Snakefile", "src", "workflow")
_NOT_ITS_FILE = 1  # git's status where it knows no such file
_CHANGES = {
    True: ", with changes that are not committed",
    False: "",
    None: ", of which git did not say whether files differ",
}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide results."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}


def machine() -> dict[str, Any]:
    """Return what kind of machine this is."""
    processor = f"{processor_name()}, {os.cpu_count()} threads"
    return {"system": platform.platform(), "processor": processor}


def commit() -> dict[str, Any]:
    """Return the commit of the code that runs, and whether files differ from it.

    Of files that are not committed those count that results can depend on: not somebody's pictures.
    What git does not say is None.
    """
    if _git("ls-files", "--error-unmatch", __file__) is None:  # as of a wheel in others' repository
        return {"commit": None, "modified": None}
    root = _git("rev-parse", "--show-toplevel") or ""
    changes = _git("-C", root, "status", "--porcelain", "--untracked-files=no")
    added = _git("-C", root, "ls-files", "--others", "--exclude-standard", *_OF_RESULTS)
    modified = None if None in (changes, added) else bool(changes or added)
    return {"commit": _git("rev-parse", "HEAD"), "modified": modified}


def told_commit(provenance: Mapping[str, Any], digits: int | None = None) -> str:
    """Return a provenance's commit in words, and that files differed from it, where they did.

    Args:
        provenance: what provenance.json holds.
        digits: of the commit; all of them if not given.
    """
    revision = provenance.get("commit")
    if revision is None:
        return "unknown"
    return f"{str(revision)[:digits]}{_CHANGES[provenance.get('modified')]}"


def _git(*arguments: str) -> str | None:
    """Return what git prints beside this file, or None; warn where it refuses a repository."""
    command = ["git", "-C", os.path.dirname(__file__), *arguments]
    plainly = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=plainly)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode == 0:
        return done.stdout.strip()
    if done.returncode != _NOT_ITS_FILE and "not a git repository" not in done.stderr:
        told = " ".join(done.stderr.split())  # another user's: with the command that allows it
        log.warning("the commit of this code is not told, as git does not tell it (%s)", told)
    return None
