"""Where a result comes from: versions, commit, configuration, hashes."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from typing import Any

from iscqk.runtime.cores import processor_name

PACKAGES = (
    *("torch", "torchvision", "timm", "faiss-cpu", "h5py", "numpy", "pandas", "pillow"),
    *("augly", "snakemake", "iscqk"),
)
_OF_RESULTS = ("Snakefile", "src", "workflow")


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
    """
    if _git("ls-files", "--error-unmatch", __file__) is None:  # as of a wheel in others' repository
        return {"commit": None, "modified": None}
    root = _git("rev-parse", "--show-toplevel") or ""
    changes = _git("-C", root, "status", "--porcelain", "--untracked-files=no")
    added = _git("-C", root, "ls-files", "--others", "--exclude-standard", *_OF_RESULTS)
    return {"commit": _git("rev-parse", "HEAD"), "modified": bool(changes or added)}


def told_commit(provenance: Mapping[str, Any], digits: int | None = None) -> str:
    """Return a provenance's commit in words, and that files differed from it, where they did.

    Args:
        provenance: what provenance.json holds.
        digits: of the commit; all of them if not given.
    """
    revision = str(provenance.get("commit") or "unknown")[:digits]
    changes = ", with changes that are not committed" if provenance.get("modified") else ""
    return f"{revision}{changes}"


def _git(*arguments: str) -> str | None:
    """Return what git prints beside this file, or None without git or a repository."""
    command = ["git", "-C", os.path.dirname(__file__), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
