"""What the code of a stage means, as a digest: what Snakemake and resume states look at.

Snakemake does not see edits in a package that a rule's command imports. Each rule therefore has the
digest of its stage's code as a parameter: of the abstract syntax of all modules of iscqk that the
stage imports, without comments and docstrings, and of the data files beside them, in their own
folder and in those below it that hold no modules. What changes no meaning reruns nothing.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from iscqk.plan.stage_registry import module_name

PACKAGE = Path(__file__).parent.parent
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Names of what is no data, though it lies there.
_LEFT = re.compile(r"__pycache__|\..*|.*~|#.*#|.*\.(orig|rej|bak)|(?i:thumbs\.db|desktop\.ini)")


def code_digest(stage: str, *also: str) -> str:
    """Return the digest of the code of a stage.

    Args:
        stage: its name, see `iscqk.plan.stage_registry`.
        also: full names of modules that it finds only when it runs, as those of a registry.
    """
    return _digest(PACKAGE, module_name(stage), *also)


@cache  # every job of a plan has one, of few different ones
def _digest(package: Path, *names: str) -> str:
    digest = hashlib.sha256()
    for path in modules(*names):
        digest.update(f"{path.relative_to(package)}\n{_meaning(path)}\n".encode())
    return digest.hexdigest()


def modules(*names: str) -> list[Path]:
    """Return the sorted files of modules of iscqk, and of all its modules that these import."""
    found: set[Path] = set()
    waiting = [path for name in names for path in _files(name)]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path)
    return sorted(found)


@cache
def _syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


@cache
def _imports(path: Path) -> list[Path]:
    """Return the modules of this package that a module imports."""
    names: list[str] = []
    for node in ast.walk(_syntax(path)):
        if isinstance(node, ast.ImportFrom):
            module = _module_from(node, path)
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [file for name in names for file in _files(name)]


def _module_from(node: ast.ImportFrom, path: Path) -> str:
    """Return the full name of what a module imports from, whose dots count from its own folder."""
    folder = path.relative_to(PACKAGE.parent).parts[: -node.level] if node.level else ()
    return ".".join([*folder, *filter(None, [node.module])])


def _files(name: str) -> Iterator[Path]:
    """Yield the file of a module of this package, by its full name, if there is one."""
    path = PACKAGE.parent / name.replace(".", "/")
    if path != PACKAGE and path.is_relative_to(PACKAGE):
        yield from filter(Path.is_file, (path.with_suffix(".py"), path / "__init__.py"))


@cache
def _meaning(path: Path) -> str:
    """Return the abstract syntax of a module, and a digest of the data that lies beside it."""
    tree = _syntax(path)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return f"{ast.dump(tree)}\n{_data(path.parent)}"


@cache
def _data(package: Path) -> str:
    """Return the digest of a package's files that are no modules, in its folder and data folders.

    Not of what Python, an editor, a desktop or a merge leaves there.
    """
    found = [path for path in package.iterdir() if path.is_file() and path.suffix != ".py"]
    for folder in filter(Path.is_dir, package.iterdir()):
        if not any(folder.glob("*.py")):
            found += filter(Path.is_file, folder.rglob("*"))
    digest = hashlib.sha256()
    for file in sorted(found):
        name = file.relative_to(package)
        if not any(map(_LEFT.fullmatch, name.parts)):
            digest.update(str(name).encode() + file.read_bytes())
    return digest.hexdigest()
