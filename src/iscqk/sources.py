"""Which source files a stage depends on, so that editing one reruns just its stages.

Snakemake does not see edits in a package that a rule's command imports. Each rule therefore
declares the files that its stage imports, directly or not, as inputs.
"""

import ast
import os
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def sources(stage: str) -> list[str]:
    """Return the sorted paths, seen from here, of all modules of iscqk that a stage imports.

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
