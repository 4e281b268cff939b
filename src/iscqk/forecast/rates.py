"""What a run's jobs took, as seconds to start and seconds for each unit of their load."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from glob import escape, glob
from pathlib import Path
from statistics import fmean, linear_regression, median
from typing import Any, NamedTuple

from iscqk.comparison.run_tables import read_history, seconds_trained
from iscqk.errors import UserError
from iscqk.forecast.counts import Counts, measured_counts, rows_of
from iscqk.forecast.work import Work, Workload
from iscqk.formats.light_tables import mean_of_usage
from iscqk.formats.named_files import read_object
from iscqk.formats.phases import PHASES
from iscqk.formats.results import Results
from iscqk.plan.jobs import rule_of
from iscqk.plan.names import WARM_UP
from iscqk.plan.runs import gist_run, submission_run
from iscqk.settings.config import Config

Operations = Callable[[Mapping[str, Any]], float]  # of a `model` section's network, for an image
_REHEARSAL = "rehearsal/"
CLOCK, PROCESSOR = "s", "cpu_time"  # columns of Snakemake's usage, both in seconds
# A job that needs torch takes so many times as long to start as one that needs nothing.
_DEARER = 5


class Measured(NamedTuple):
    """A job that has run."""

    work: Work
    seconds: float


class Rate(NamedTuple):
    """How long jobs of a stage take: `start + each * load` seconds.

    Attributes:
        start: seconds until a job works.
        each: seconds for a unit of load.
        amount: the most that a measured job did.
        at_most: whether those jobs were little but start; `each` is then a bound, of all that
            they took.
    """

    start: float
    each: float
    amount: float
    at_most: bool

    def seconds(self, load: float) -> float:
        """Return how long a job of this load takes."""
        return self.start + self.each * load


def rates(
    folders: Iterable[Path], config: Mapping[str, Any], operations: Operations, by: str = CLOCK
) -> dict[str, Rate]:
    """Return the rate of each stage that some runs have measured.

    Args:
        folders: `results/usage` of each run; what else lies under its results tells how much its
            jobs did. Those of its submission count, as of others the config is not known.
        config: of runs that have made no submission, which would tell theirs.
        operations: of a network, by the `model` section of its config.
        by: which seconds of a job count, `CLOCK` or `PROCESSOR`.

    Raises:
        UserError: a folder has no usage.
    """
    found: dict[str, list[Measured]] = defaultdict(list)
    shortest: dict[str, float] = {}
    for folder in folders:
        jobs = list(_measured(folder, config, operations, by))
        if not jobs:
            raise UserError(f"{folder}: no usage of jobs; name the folder results/usage of a run")
        least = min(job.seconds for job in jobs)
        for job in jobs:
            found[job.work.stage].append(job)
            shortest[job.work.stage] = min(shortest.get(job.work.stage, least), least)
    return {stage: _rate(jobs, shortest[stage]) for stage, jobs in found.items()}


def _measured(
    folder: Path, config: Mapping[str, Any], operations: Operations, by: str
) -> Iterator[Measured]:
    """Yield the jobs of a run."""
    results = Results(str(folder.parent))
    own = _config_of(results) or config
    network = operations(own["model"])
    run = Workload(own, measured_counts(results), network)
    rehearsal = Workload(own, _rehearsed(results), network)
    has_start = Path(folder, submission_run(dict(own)), "initial.tsv").is_file()
    for path in sorted(folder.glob("**/*.tsv")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name.startswith(_REHEARSAL):
            work = rehearsal.of(name.removeprefix(_REHEARSAL), {"ranking": "similarity"})
            histories = []
        elif (found := rule_of(name)) and _is_submissions(*found, own, has_start):
            work, histories = run.of(*found), _histories(results, *found)
        else:
            continue
        if work and work.load and (seconds := _seconds(path, by, histories)):
            yield Measured(work, seconds)


def _is_submissions(
    rule: str, wildcards: Mapping[str, str], config: Mapping[str, Any], has_start: bool
) -> bool:
    """Return whether a job is of the submission, not of a study's runs, whose config is another.

    Where it has no start of its own, it starts from what another run has made.
    """
    if rule == "initial" and not has_start:
        return True
    runs = {submission_run(dict(config)), gist_run(dict(config))}
    others = {"unbalanced", "evaluation"} & set(wildcards.values())
    return wildcards.get("run", min(runs)) in runs and not others


def _histories(results: Results, rule: str, wildcards: Mapping[str, str]) -> list[str]:
    """Return the histories that a job has left, if it is a training; of one in parts, several."""
    names = {"warm_up": str(WARM_UP), "learn": "learned-*", "train": wildcards.get("model", "")}
    if rule not in names:
        return []
    return glob(results.patterns.model(escape(wildcards["run"]), names[rule]).history)


def _config_of(results: Results) -> dict[str, Any]:
    """Return the config of a run by the provenance of its submission; nothing without one."""
    for phase in PHASES:
        path = Path(results.submission(phase).provenance)
        if path.is_file():
            config = dict(read_object(path).get("config", {}))
            Config.fill_defaults(config)
            return config
    return {}


def _rehearsed(results: Results) -> Counts:
    queries, references = (results.rehearsal(f"{name}.csv") for name in ("queries", "references"))
    return Counts(0, rows_of(references), rows_of(queries))


def load(folders: Iterable[Path]) -> float | None:
    """Return what percentage of a core the median job had; None where none tells.

    Little of it: jobs waited, for other programs or a disk, and took longer than their work does.
    """
    files = (path for folder in folders for path in folder.glob("**/*.tsv"))
    told = [percentage for path in files if (percentage := mean_of_usage(path, "mean_load"))]
    return median(told) if told else None


def _seconds(path: Path, by: str, histories: Iterable[str]) -> float:
    """Return how long a job took; of one too short for its processor's seconds, by the clock.

    Of a training that went on after a stop Snakemake knows the rest, and its histories know all:
    what it took before is estimated in proportion.
    """
    clock = mean_of_usage(path, CLOCK)
    seconds = mean_of_usage(path, by) or clock
    whole = max([clock, *(seconds_trained(read_history(history)) for history in histories)])
    return seconds * whole / clock if clock else seconds


def _rate(jobs: list[Measured], shortest: float) -> Rate:
    """Return the rate of jobs of one stage.

    Jobs of different loads tell what a start takes, by least squares. Of those that are alike it is
    taken for what the shortest job of the whole run took, which did next to nothing; theirs may be
    dearer, and only what is far beyond it is work for sure.
    """
    loads, seconds = [job.work.load for job in jobs], [job.seconds for job in jobs]
    start = least = min(shortest, *seconds)
    beyond = _DEARER
    if max(loads) >= 2 * min(loads):
        beyond = 1
        slope = max(linear_regression(loads, seconds).slope, 0.0)
        start = min(max(fmean(seconds) - slope * fmean(loads), 0.0), least)
    largest = max(jobs, key=lambda job: job.work.load)
    each = max(sum(s - start for s in seconds) / sum(loads), 0.0)
    at_most = each * largest.work.load < beyond * start
    if at_most:
        each = sum(seconds) / sum(loads)
    return Rate(start, each, largest.work.amount, at_most)
