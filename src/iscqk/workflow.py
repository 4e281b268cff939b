"""What the Snakefile asks of Python."""

import ast
import hashlib
import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from pkgutil import resolve_name

from iscqk.ending import FOLLOWED

PACKAGE = Path(__file__).parent


def put_program_on_path() -> None:
    """Let jobs find the `iscqk` of this very Python, also where its environment is not active."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def end_jobs_with_snakemake() -> None:
    """Let jobs end when this Snakemake does, however it ends (iscqk.ending).

    A killed Snakemake cannot end its jobs, which would go on beside those of the next one.
    """
    os.environ[FOLLOWED] = str(os.getpid())


def gpu_count() -> int:
    """Return 1 where there is an NVIDIA GPU, else 0; torch could tell too, but takes seconds."""
    return int(Path("/dev/nvidia0").exists())


def sources(stage: str) -> list[str]:
    """Return the sorted paths, seen from here, of all modules of iscqk that a stage imports.

    Snakemake does not see edits in a package that a rule's command imports. Each rule therefore
    declares these files as inputs, so that editing one reruns just the stages that use it.

    Args:
        stage: name of a module of iscqk.stages.
    """
    found: set[Path] = set()
    waiting = [PACKAGE / "stages" / f"{stage}.py"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path)
    return sorted(os.path.relpath(path) for path in found)


def code_digest(stage: str, also: Iterable[str] = ()) -> str:
    """Return a digest of the modules that a stage imports, and of others."""
    every = [*sources(stage), *(resolve_name(module).__file__ for module in also)]
    return hashlib.sha256(b"".join(Path(path).read_bytes() for path in every)).hexdigest()


@cache
def _imports(path: Path) -> list[Path]:
    """Return the modules of this package that a module imports."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    paths = (PACKAGE.parent / (name.replace(".", "/") + ".py") for name in names)
    return [path for path in paths if path.is_relative_to(PACKAGE) and path.is_file()]
