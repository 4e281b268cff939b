"""What the rules have as parameters of their jobs."""

import hashlib
import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from iscqk.formats.files import sha256_of
from iscqk.plan.stage_code import code_digest

_READ_BYTES = 2**29  # of a file that is read at every start: weights, not a million descriptors


def code(stage: str, *also: str) -> Callable[[object], str]:
    """Return a function of wildcards to the digest of a stage's code (iscqk.plan.stage_code).

    A function, as the digests of all stages are not needed by a process that runs one job.
    """
    return lambda wildcards: code_digest(stage, *also)


def untracked(value: object) -> Callable[[object, object], object]:
    """Return a value, or what a function of wildcards gives, as a parameter that reruns nothing.

    For what changes no result: how many share the work, who looks on. Snakemake looks at no
    parameter again that is made of a job's files, as this one pretends to be.
    """
    return lambda wildcards, output: value(wildcards) if callable(value) else value


def wildcards_of_jobs(workflow: Any, rule: str, wildcard: str) -> list[str]:
    """Return what a wildcard is in the jobs of a rule that are to run.

    A dry run asks before it is known which of all jobs these are. A job on another machine knows of
    itself only; there those jobs tell what is wrong.
    """
    dag = workflow.dag
    jobs = dag.jobs if workflow.dryrun else dag.needrun_jobs()
    return [getattr(job.wildcards, wildcard) for job in jobs if job.rule.name == rule]


def given(option: str, files: str | Iterable[str]) -> str:
    """Return an option with a file, or with each of several; nothing where there is none."""
    each = [files] if isinstance(files, str) else files
    return " ".join(f"{option}={shlex.quote(file)}" for file in each if file)


def options(section: Mapping[str, object], *keys: str) -> str:
    """Return keys of a section as options, in one order: reordered ones rerun nothing."""
    return " ".join(f"--{key} {section[key]}" for key in keys)


def listed(option: str, files: object) -> str:
    """Return an option with files as Snakemake writes them, or nothing where there are none."""
    return f"{option} {files}" if files else ""


def name_pairs(names: Iterable[str], files: Iterable[object]) -> list[str]:
    """Return files as NAME=FILE."""
    return [f"{name}={file}" for name, file in zip(names, files, strict=True)]


def fetched(value: Any, planned: Iterable[str], files: Iterable[object]) -> Any:
    """Return what names files of the plan, with the path of each where a job has it.

    Elsewhere than planned it is where files come from a storage.

    Args:
        value: a path, or what holds some, as JSON can.
        planned: the paths by the plan.
        files: the same, as a job has them.
    """
    return _placed(value, dict(zip(planned, map(str, files), strict=True)))


def _placed(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _placed(one, places) for key, one in value.items()}
    if isinstance(value, list):
        return [_placed(one, places) for one in value]
    return places.get(value, value) if isinstance(value, str) else value


def fetched_words(command: str, planned: Iterable[str], files: Iterable[object]) -> str:
    """Return a command, the files that its words name where a job has them; see `fetched`."""
    return " ".join(fetched(command.split(" "), planned, files))


def folders(files: Iterable[str]) -> list[str]:
    """Return the folders that files lie in, in order, each once."""
    return list(dict.fromkeys(map(os.path.dirname, files)))


def folder(wildcards: object, output: Sequence[str]) -> str:
    """Return the folder of a job's first output."""
    return os.path.dirname(output[0])


def results_of(wildcards: object, input: Any) -> str:  # noqa: A002 Snakemake's own name
    """Return the folder of results that a job's inputs lie in, wherever they were fetched to.

    It is that of the graph of rules, `workflow/rules.mmd` in it.
    """
    return os.path.dirname(os.path.dirname(input.rules))


def results_with(submissions: Sequence[str]) -> str:
    """Return the folder of results that files of submissions lie in; "" where there are none."""
    return os.path.dirname(os.path.dirname(submissions[0])) if submissions else ""


def digest_of_contents(files: Iterable[str]) -> str:
    """Return the digest of what is in files, of those that are here and not in a storage.

    Snakemake looks at their times only, and an older file may take the place of one.
    """
    here = filter(os.path.isfile, files)
    contents = [_content_of(file, os.stat(file).st_ctime_ns) for file in here]
    return hashlib.sha256("".join(contents).encode()).hexdigest()


@cache
def _content_of(file: str, changed: int) -> str:
    """Return a text that changes with what is in a file, which is read once for all runs.

    One that takes long to read, as a teacher's, counts by its size and time: every job plans anew.
    `changed`, when it was, has another one in its place read again.
    """
    status = os.stat(file)
    if status.st_size > _READ_BYTES:
        return f"{status.st_size} {status.st_mtime_ns}"
    return sha256_of(file)
