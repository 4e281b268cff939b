"""What a start of the workflow is refused for by where it is, and what its jobs find set."""

import os
import re
import shlex
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.disk_errors import disk_is_full
from iscqk.runtime.following import be_followed

_KEPT_BYTES = 2**14  # that Snakemake writes of the shortest run
_CLOCKS_DIFFER = 60  # seconds, of a machine and of one whose disk it shares
_MOST_TOLD = 5


def base_config(workflow_folder: str | Path) -> str:
    """Return the file that others are laid over: config.yaml here, or else beside the Snakefile."""
    here = "config.yaml"
    return here if os.path.exists(here) else str(Path(workflow_folder, here))


def refuse_base_laid_over(bases: Collection[str], settings: Any) -> None:
    """Refuse the workflow's own file after another: it says every key, and nothing of that is left.

    Args:
        bases: files that may be the workflow's own.
        settings: Snakemake's, of files laid over that.

    Raises:
        UserError: one is named, and not first.
    """
    for before, path in pairwise(settings.configfiles):
        if any(_is_file(path, base) for base in bases):
            what = f"{path} comes after {before}, and says all anew that this says"
            raise UserError(f"--configfile: {what}; name {path} first")


def _is_file(path: str | Path, other: str) -> bool:
    return os.path.exists(other) and os.path.samefile(path, other)


def refuse_unwritable_folder() -> None:
    """Raise UserError where Snakemake cannot write what it keeps of a run in the working directory.

    It would end in a traceback, in somebody else's clone or on a disk that can only be read.
    """
    for folder in _written_folders():
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise UserError(
                f"{folder}: cannot be written; clone the project for yourself, or name another "
                "folder to work in: --directory FOLDER"
            )


def _written_folders() -> Iterator[Path]:
    """Yield where Snakemake writes; folders in one only after that, which may be closed to us."""
    own = Path(".snakemake")
    if not own.is_dir():
        yield Path.cwd()
        return
    yield own
    yield from filter(Path.is_dir, own.iterdir())


def refuse_braces(workflow_folder: str | Path) -> None:
    """Raise UserError where the rules lie in a folder whose path Snakemake takes for a pattern.

    It formats the paths of the environments beside them, and would end in a traceback.
    """
    if brace := re.search("[{}]", str(workflow_folder)):
        raise UserError(
            f"{workflow_folder}: Snakemake takes {brace[0]!r} for part of a wildcard; move the "
            "clone to a folder without braces"
        )


def refuse_full_disk() -> None:
    """Raise UserError where there is no room for what Snakemake keeps of a run.

    It would end in a traceback, after another for each line that it logs.
    """
    folder = next(_written_folders())
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(_KEPT_BYTES))
    except OSError as error:
        if line := disk_is_full(error.errno):
            raise UserError(f"{folder}: {line}") from None


def refuse_dated_ahead(workflow: Any) -> None:
    """Raise UserError where jobs are to read what is dated after now, by a clock that was wrong.

    Snakemake takes what a job makes of it for older than that, and removes it, were it a training
    of days. Files that are made anew before they are read are of no matter.

    Args:
        workflow: Snakemake's, once it knows which jobs are to run.
    """
    jobs = list(workflow.dag.needrun_jobs())
    made = {str(file) for job in jobs for file in job.output}
    read = sorted({str(file) for job in jobs for file in job.input} - made)
    latest = time.time() + _CLOCKS_DIFFER
    ahead = {each: date for path in read for each, date in _dates(path) if date > latest}
    if not ahead:
        return
    first, date = next(iter(ahead.items()))
    others = f" (and {len(ahead) - 1} more)" if len(ahead) > 1 else ""
    raise UserError(
        f"{first}{others}: dated {_told(date)}, after now; what is made of it would count as "
        "older, and be removed; set the clock if it is wrong, else run "
        f"touch -h {shlex.join([*ahead][:_MOST_TOLD])}"
    )


def _told(date: float) -> str:
    """Return the date of a file for people; disks keep later ones than Python's calendar has."""
    try:
        return f"{datetime.fromtimestamp(date):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return "after the year 9999"


def _dates(path: str) -> Iterator[tuple[str, float]]:
    """Yield what is at a path with its date; of a link what it leads to, too."""
    for each in [path, os.path.realpath(path)] if os.path.islink(path) else [path]:
        with suppress(OSError):  # it is in a storage, or gone, of which others tell
            yield each, os.lstat(each).st_mtime


def refuse_missing_envs(workflow_folder: str | Path) -> None:
    """Raise UserError where the rules' environments are not beside the Snakefile.

    Snakemake sends them to other machines together with the rules, and would end in a traceback.
    """
    folder = Path(workflow_folder, "envs")
    if not folder.is_dir():
        raise UserError(f"{folder}: is not there, and goes to other machines; copy it from a clone")


def put_program_on_path() -> None:
    """Let jobs find the `iscqk` of this very Python, also where its environment is not active."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def let_conda_find(workflow_folder: str | Path) -> None:
    """Let conda's environment install and run this clone's code (envs/iscqk.post-deploy.sh)."""
    os.environ["ISCQK_FOLDER"] = os.path.abspath(workflow_folder)


def let_jobs_speak_utf8() -> None:
    """Let jobs take names of files for UTF-8, as manifests do, whatever the locale says."""
    os.environ["PYTHONUTF8"] = "1"


def end_jobs_with_snakemake() -> None:
    """Let jobs end when this Snakemake does, however it ends (iscqk.runtime.following).

    A killed Snakemake cannot end its jobs, which would go on beside those of the next one.
    """
    be_followed()


def gpu_count() -> int:
    """Return 1 where there is an NVIDIA GPU, else 0; torch could tell too, but takes seconds."""
    return int(Path("/dev/nvidia0").exists())
