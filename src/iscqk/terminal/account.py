"""What people are told of a run, made of what Snakemake says."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from logging import LogRecord
from typing import TYPE_CHECKING, Any

from iscqk.formats.results import Results
from iscqk.terminal.newest import warnings_in
from iscqk.terminal.rules import RULES, rule_named
from iscqk.terminal.screen import Job, Progress, Screen
from iscqk.terminal.words import words_of
from iscqk.terminal.work import Work, expected_seconds, measured_seconds

if TYPE_CHECKING:  # this is imported before the Snakefile can tell what is wrong with a method
    from iscqk.plan.plan import Plan

_WARNINGS = 5  # of a job that are told; its log has all

# What Snakemake says of its own workings, in its log file all the same.
_BEFORE = ("Assuming unrestricted shared filesystem usage",)
_ROUTINE = (
    *_BEFORE,
    "Building DAG of jobs",
    "Complete log(s):",
    "Conda environments: ignored",
    "Elapsed time:",
    "Select jobs to execute",
    "Singularity containers: ignored",
    "Using shell:",
)

# What is told of jobs where their files are only marked, as `--touch` does.
_OF_JOBS = ("job_info", "job_finished")
_NOT_MARKED = "Output files not touched because"


class Account:
    """Tells of jobs in plain words, of the whole run by time, and of all that goes wrong.

    Attributes:
        plan: of the workflow, once it is known.
        only_marks: whether jobs do not work, and their files are but marked up to date: then none
            is told, as in the end it is told of how many files.
    """

    def __init__(self, screen: Screen, plainly: Callable[[LogRecord], None], logs: bool) -> None:
        """Make one.

        Args:
            screen: to tell it on.
            plainly: writes what Snakemake says as Snakemake does.
            logs: whether a failed job's logs are shown, not only named.
        """
        self.plan: Plan | None = None
        self.only_marks = False
        self._screen, self._plainly, self._logs = screen, plainly, logs
        self._lock = threading.RLock()
        self._start, self._begun, self._failed = time.monotonic(), False, False
        self._work = Work({}, {})
        self._running: dict[int, Job] = {}
        self._closed = threading.Event()
        self._by_event = {
            "run_info": self._planned,
            "job_info": self._job_started,
            "job_finished": self._job_finished,
            "job_error": self._job_failed,
            "error": self._erred,
            "workflow_started": self._began,
        }

    def tell(self, record: LogRecord) -> None:
        """Tell what a record of Snakemake's logger is about."""
        event = getattr(record, "event", None)
        of_job = str(event) in _OF_JOBS or str(record.msg).startswith(_NOT_MARKED)
        if of_job and self.only_marks:
            return
        with self._lock:
            if event is not None and str(event) in self._by_event:
                self._by_event[str(event)](record)
            elif record.levelno >= logging.WARNING or (event is None and self._matters(record)):
                self._told(record)

    def close(self) -> None:
        """Stop telling."""
        self._closed.set()
        with self._lock:
            self._screen.close()

    def _began(self, record: LogRecord) -> None:
        self._start, self._begun = time.monotonic(), True
        threading.Thread(target=self._move, daemon=True).start()

    def _planned(self, record: Any) -> None:
        # What the table lacks is a target, which does nothing.
        planned = {rule: count for rule, count in record.stats.items() if rule in RULES}
        results = self.plan.results if self.plan else Results()
        self._work = Work(planned, expected_seconds(planned, measured_seconds(results)))

    def _job_started(self, record: Any) -> None:
        if not record.output:  # a target, which does nothing
            return
        words = words_of(record.rule_name, record.wildcards, self.plan)
        part = rule_named(record.rule_name).part
        job = Job(record.rule_name, words, list(record.log), part)
        self._running[record.jobid] = job
        self._screen.started(job, self._progress())
        self._moved()

    def _job_finished(self, record: Any) -> None:
        if job := self._running.pop(record.job_id, None):
            self._work.finish(job.rule)
            self._screen.finished(job, self._progress())
            self._warn(job)
            self._moved()

    def _job_failed(self, record: Any) -> None:
        self._failed = True
        job = self._running.pop(record.jobid, None)
        words = job.words if job else record.rule_name
        logs = f"; its log: {', '.join(record.log)}" if record.log else ""
        lines = [f"error: {words}: failed{logs}", str(record.rule_msg or "")]
        lines += [f"{name}: {value}" for name, value in (record.aux or {}).items()]
        if self._logs:
            lines += _contents(record.log)
        self._say("\n".join(filter(None, lines)), logging.ERROR)

    def _erred(self, record: LogRecord) -> None:
        """Tell an error, but that a command's exit status was one: its job's own failure is told.

        That one has a page of the command; Snakemake's log file has it.
        """
        self._failed = True
        if "CalledProcessError in file" not in str(record.msg):
            self._told(record)

    def _warn(self, job: Job) -> None:
        """Tell what a job has warned of."""
        found = [warning for log in job.logs for warning in warnings_in(log)]
        for warning in found[:_WARNINGS]:
            self._say(f"warning: {warning}", logging.WARNING)
        if (more := len(found) - _WARNINGS) > 0:
            self._say(f"warning: {more} more in {', '.join(job.logs)}", logging.WARNING)

    def _matters(self, record: LogRecord) -> bool:
        """Return whether a message is for people.

        Where something failed, so is the path of the log file. Where no workflow is run (--dag),
        all of them are.
        """
        message = str(record.msg)
        if message.startswith("Complete log(s):"):
            return self._failed
        return not message.startswith(_ROUTINE if self._begun else _BEFORE)

    def _told(self, record: LogRecord) -> None:
        """Write a record, in Snakemake's colours where something is wrong or nothing has begun."""
        self._failed = self._failed or record.levelno >= logging.ERROR
        if self._begun and record.levelno < logging.WARNING:
            self._screen.say(str(record.msg))
        else:
            self._screen.aside(lambda: self._plainly(record))

    def _say(self, text: str, level: int) -> None:
        self._told(logging.LogRecord(__name__, level, "", 0, text, None, None))

    def _progress(self) -> Progress:
        seconds = time.monotonic() - self._start
        places = [(job, job.newest) for job in self._running.values()]
        running = ((job.rule, job.share_at(place), job.seconds) for job, place in places)
        share, left = self._work.share(running), self._work.left(seconds)
        if left is not None:  # a training that goes on says at once that most of it is done
            left = max(left, *(place.left for _, place in places if place), 0)
        return Progress(seconds, share, left)

    def _moved(self) -> None:
        if self._running:
            self._screen.moved(self._running.values(), self._progress())

    def _move(self) -> None:
        """Tell every so often how far the jobs are, until all is told."""
        while not self._closed.wait(self._screen.every_seconds):
            with self._lock:
                with suppress(OSError):  # the terminal may be gone
                    if not self._closed.is_set():
                        self._moved()


def _contents(logs: list[str]) -> list[str]:
    """Return what the logs of a job say, as Snakemake shows it."""
    from snakemake.logging import show_logs

    return [line for log in logs for line in show_logs([log])]
