"""What the Snakefile asks of Python."""

import ast
import hashlib
import os
import sys
from functools import cache
from pathlib import Path

from iscqk.ending import FOLLOWED
from iscqk.stage_modules import module_name

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
        stage: its name, see `iscqk.stage_modules`.
    """
    found: set[Path] = set()
    waiting = [PACKAGE.parent / f"{module_name(stage).replace('.', '/')}.py"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path)
    return sorted(os.path.relpath(path) for path in found)


def code_digest(stage: str) -> str:
    """Return a digest of the modules that a stage imports."""
    return hashlib.sha256(b"".join(Path(path).read_bytes() for path in sources(stage))).hexdigest()


@cache
def _imports(path: Path) -> list[Path]:
    """Return the modules of this package that a module imports."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    places = [PACKAGE.parent / name.replace(".", "/") for name in names]
    places = [place for place in places if place.is_relative_to(PACKAGE)]
    modules = [file for place in places if (file := place.with_name(f"{place.name}.py")).is_file()]
    return [*modules, *(path for place in places for path in _registered(place))]


def _registered(package: Path) -> list[Path]:
    """Return all modules of a package that finds them by itself, as `retrieval.rankings` does."""
    start = package / "__init__.py"
    if not start.is_file() or "iter_modules(__path__)" not in start.read_text(encoding="utf-8"):
        return []
    return sorted(package.rglob("*.py"))
