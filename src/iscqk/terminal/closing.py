"""The last lines of a run: what came out, beside what, where it lies and what to type next."""

import csv
import json
import os
import re
import shlex
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from iscqk.comparison.yardsticks import BASELINE, START, yardsticks
from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.light_tables import rows_below_header
from iscqk.formats.phases import PHASES
from iscqk.formats.results import SubmissionFolder
from iscqk.plan.names import INITIAL
from iscqk.plan.plan import Plan
from iscqk.plan.runs import gist_run
from iscqk.runtime.wording import counted
from iscqk.terminal.words import duration, phase_name, size

ALL = "all"
_REPORT, _STUDY = "report", "study"
_PROFILES = ("--workflow-profile", "--profile")


def closing_lines(
    plan: Plan,
    targets: Iterable[str],
    options: str,
    seconds: float | None,
    log: str,
    storage: str,
    current: Container[str] | None,
) -> list[str]:
    """Return the last lines of a run.

    Args:
        plan: of the workflow.
        targets: that were asked for; none for the default one.
        options: of Snakemake that any further command needs, too.
        seconds: that the run took; None if there was nothing to do.
        log: Snakemake's own of this run.
        storage: that results lie in, as `s3://bucket/run`; "" where they lie here.
        current: files that are as the config wants them, made by this run or found so; what else
            lies here may be of another config. None: all that lies here.
    """
    targets = list(targets) or [ALL]
    place = f"{storage.rstrip('/')}/" if storage else ""
    elsewhere = [f"results: {place}{plan.results.root}"]
    lines = elsewhere if storage else [*_made_here(plan, targets, current)]
    if seconds is not None:
        logs = place + os.path.dirname(plan.results.log(""))
        lines += [f"took {duration(seconds)}; logs: {logs}, {os.path.relpath(log)}"]
    return [*lines, *_next(targets, options)]


def marked_line(are_there: Collection[bool]) -> str:
    """Return the last line of a run that only marks files, by whether each is there."""
    marked = sum(are_there)
    told = f"marked {counted(marked, 'file')} as up to date"
    if missing := len(are_there) - marked:
        told += f"; not there: {missing:,}, which the same command without --touch makes if needed"
    return told


def _made_here(plan: Plan, targets: list[str], current: Container[str] | None) -> Iterator[str]:
    """Yield what was asked for and lies here."""
    for phase in PHASES:
        files = plan.results.submission(phase)
        if any(_asks_for(target, phase, files) for target in targets):
            yield from _submission(plan, phase, files, current)
    for target in targets:
        yield from _made(plan, target, current)
    yield from _set_aside(plan, current)


def _asks_for(target: str, phase: str, files: SubmissionFolder) -> bool:
    """Return whether a target is, or has, the submission of a phase."""
    return target in (ALL, _REPORT, f"submission_{phase}") or target.startswith(f"{files.folder}/")


def _submission(
    plan: Plan, phase: str, files: SubmissionFolder, current: Container[str] | None
) -> Iterator[str]:
    """Yield a phase's score, yardsticks beside it, and the file for the grader."""
    score = _json(files.score)
    if not score:
        return
    if _is_of_before(files.score, current):
        yield _of_before(phase_name(phase), files.folder)
        return
    yield f"{phase_name(phase)}:"
    yield _scores("submitted", score)
    with suppress(UserError):
        for name, yardstick in _yardsticks(plan, phase, score.get("convention")):
            yield _scores(name, yardstick)
    with suppress(OSError):
        told = f"{size(files.descriptors)}, {_validity(files)}"
        yield f"  for the grader  {files.descriptors} ({told})"


def _validity(files: SubmissionFolder) -> str:
    """Return whether the file for the grader is valid; what was found counts for its bytes only.

    Raises:
        OSError: it cannot be read.
    """
    if not (found := _json(files.validation)).get("valid"):
        return "not valid"
    looked, now = (os.stat(file) for file in (files.validation, files.descriptors))
    is_newer = max(now.st_mtime, now.st_ctime) > looked.st_mtime
    # A large one takes seconds to hash, at the end of each run.
    if is_newer and found.get("validated_sha256") != sha256_of(files.descriptors):
        return "changed since it was validated; remake it: --forcerun submit"
    return "valid"


def _is_of_before(path: str, current: Container[str] | None) -> bool:
    """Return whether a file, or the folder that was made with it, is not of this run."""
    return current is not None and not any(one in current for one in (path, os.path.dirname(path)))


def _of_before(name: str, path: str) -> str:
    return f"{name:<17} {path} is of before, maybe of another config: this run did not come to it"


def _yardsticks(
    plan: Plan, phase: str, convention: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return names and scores of what is there to compare a submission with."""
    gist, submitted = gist_run(plan.config), plan.submitted.model()
    starts = {START: plan.submitted.name} | ({BASELINE: gist} if gist in plan else {})
    models = {
        name: (plan.results.model(run, INITIAL), plan[run].model(INITIAL).weights("q"))
        for name, run in starts.items()
    }
    others = {name: one for name, one in models.items() if one[1] != submitted.weights("q")}
    queries = plan.results.phase(phase).queries
    return yardsticks(others, plan.config, phase, queries, convention)


def _made(plan: Plan, target: str, current: Container[str] | None) -> Iterator[str]:
    """Yield what a target other than a submission has made, and where it lies."""
    results = plan.results
    made = {
        _REPORT: results.report,
        _STUDY: results.study().page,
        "unbalanced": results.unbalanced.page,
        "benchmarks": results.benchmarks("table.md"),
        "ready_model": results.ready_model.card,
        "rehearsal": results.rehearsal("table.md"),
        "validation": results.validation("table.md"),
    }
    ablations = plan.config["study"]["ablations"]
    made |= {f"ablation_{name}": results.study(name).page for name in ablations}
    asked = [f"ablation_{name}" for name in ablations] if target == "ablations" else [target]
    for path in filter(os.path.isfile, [made[name] for name in asked if name in made]):
        if _is_of_before(path, current):
            yield _of_before(target, path)
            continue
        if target == _STUDY:
            yield from _compared(results.study().table)
        yield f"{target:<17} {path} ({size(path)})"


def _set_aside(plan: Plan, current: Container[str] | None) -> Iterator[str]:
    """Yield how many images were set aside, why, and the files that list them, if there are any."""
    counts = {}
    for path in dict.fromkeys(path for phase in PHASES for path in plan.images.quarantined(phase)):
        with suppress(OSError):
            counts[path] = 0 if _is_of_before(path, current) else rows_below_header(path)
    if listed := [path for path, count in counts.items() if count]:
        why = "cannot be read, or are for training and references or queries, too"
        yield f"images set aside  {sum(counts.values()):,} ({why}): {', '.join(listed)}"


def _compared(table: str) -> Iterator[str]:
    """Yield the rows of the study's table by phase."""
    with suppress(OSError, ValueError, KeyError), open(table, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
        for phase in dict.fromkeys(row["phase"] for row in rows):
            yield f"{phase_name(phase)}:"
            for row in rows:
                if row["phase"] == phase:
                    yield _scores(next(iter(row.values())), row)


def _scores(name: str, score: Mapping[str, Any]) -> str:
    told = [_number(score.get(key)) for key in ("micro_ap", "recall_at_p90")]
    return f"  {name:<14}  micro-AP {told[0]}, recall at P90 {told[1]}"


def _number(value: Any) -> str:
    with suppress(ValueError, TypeError):
        return f"{float(value):.4f}"
    return "unknown"


def _json(path: str) -> dict[str, Any]:
    """Return the content of a file; nothing if it is not there, or no object."""
    with suppress(OSError, ValueError):
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}


def _next(targets: list[str], options: str) -> Iterator[str]:
    """Yield the command to type next."""
    made = "the scores beside GIST and other methods" if _REPORT in targets else "a page of it all"
    target = _STUDY if _REPORT in targets else _REPORT
    cores = "" if _profile_says_cores(options) else " --cores"
    yield f"next: snakemake {target}{cores}{options}  # {made}"


def _profile_says_cores(options: str) -> bool:
    """Return whether a profile among options says how many cores there are, as a cluster's does."""
    words = shlex.split(options)
    folders = [folder for name, folder in pairwise(words) if name in _PROFILES]
    return any(re.search("^cores:", _text(Path(folder, "config.yaml")), re.M) for folder in folders)


def _text(path: Path) -> str:
    with suppress(OSError, ValueError):
        return path.read_text(encoding="utf-8")
    return ""
