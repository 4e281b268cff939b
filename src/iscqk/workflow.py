"""What the Snakefile asks of Python."""

import ast
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from iscqk.ending import FOLLOWED

PACKAGE = Path(__file__).parent


def put_program_on_path() -> None:
    """Let jobs find the `iscqk` of this very Python, also where its environment is not active."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def let_jobs_speak_utf8() -> None:
    """Let jobs take names of files for UTF-8, as manifests do, whatever the locale says."""
    os.environ["PYTHONUTF8"] = "1"


def end_jobs_with_snakemake() -> None:
    """Let jobs end when this Snakemake does, however it ends (iscqk.ending).

    A killed Snakemake cannot end its jobs, which would go on beside those of the next one.
    """
    os.environ[FOLLOWED] = str(os.getpid())


def gpu_count() -> int:
    """Return 1 where there is an NVIDIA GPU, else 0; torch could tell too, but takes seconds."""
    return int(Path("/dev/nvidia0").exists())


@cache
def fingerprint_of_images(*folders: str) -> str:
    """Return a text that changes when an image below one of the folders does.

    A folder's own date tells that names came or went, not that a file was written over. So it is
    made of every image's name, size and time, which `cp -a` and `rsync -a` keep: some seconds for
    a million images on a disk, once in a process that asks. Two images of one size and time that
    swap names are not noticed here, but when they are opened (`iscqk.images.listed`).
    """
    from iscqk.images.collecting import SUFFIXES  # takes a second, which most jobs need not wait

    digest, count = hashlib.sha256(), 0
    for folder in folders:
        for path, status in _files(folder, set()):
            if os.path.splitext(path)[1].lower() in SUFFIXES:
                name = os.fsencode(path[len(folder) :])
                digest.update(b"%s\0%d %d\0" % (name, status.st_size, status.st_mtime_ns))
                count += 1
    return f"{count} images, {digest.hexdigest()[:16]}"


def _files(folder: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files below a folder with what the system knows of them, each folder once.

    What cannot be looked at is left out: whoever lists the images tells of it.
    """
    with suppress(OSError):
        own = os.stat(folder)
        if (own.st_dev, own.st_ino) not in seen:
            seen.add((own.st_dev, own.st_ino))
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                with suppress(OSError):
                    if entry.is_dir():
                        yield from _files(entry.path, seen)
                    else:
                        yield entry.path, entry.stat()


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
    paths = (PACKAGE.parent / (name.replace(".", "/") + ".py") for name in names)
    return [path for path in paths if path.is_relative_to(PACKAGE) and path.is_file()]
