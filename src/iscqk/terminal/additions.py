"""What is added to Snakemake's own messages, whichever logger tells them."""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from iscqk.errors import UserError
from iscqk.plan.command_line import options_to_repeat
from iscqk.plan.plan import Plan
from iscqk.plan.training_manifest import TRAINING_RULE, mark_training
from iscqk.runtime.storage import StoredFile
from iscqk.terminal.account import Account
from iscqk.terminal.closing import closing_lines, marked_line

_NOTHING = "Nothing to be done"


class Additions(logging.Filter):
    """Adds the last lines where there is nothing to do, and the targets there are to a wrong one.

    What Snakemake knows nothing of is told first, where it finds nothing to do. Files that are
    missing are named by the keys of the config that name them. A failed job's logs are fetched from
    a storage, which Snakemake shows only where they lie on this machine.

    Where another run works beside this one, one line says so, which Snakemake's do not begin with.

    Snakemake calls none of the Snakefile's hooks in any of these cases.

    Attributes:
        accounts: that tell of the workflow's jobs.
    """

    def __init__(self, workflow: Any, plan: Plan) -> None:
        """Add to the messages of a workflow.

        Args:
            workflow: Snakemake's.
            plan: what it is about.
        """
        super().__init__()
        self._workflow, self._plan = workflow, plan
        self.accounts = list[Account]()

    def filter(self, record: logging.LogRecord) -> bool:
        """Add to a message; let every one pass."""
        if str(record.msg).startswith(_NOTHING) and not self._workflow.output_settings.dryrun:
            lines = [str(record.msg), self.unknown(), self.closing()]
            record.msg = "\n".join(filter(None, lines))
        if getattr(record, "exception", "") == "MissingRuleException":
            record.msg = f"{str(record.msg).strip()}\n{self._right_targets()}"
        if getattr(record, "exception", "") == "MissingInputException":
            record.msg = missing_by_keys(str(record.msg), self._plan.config)
        if getattr(record, "exception", "") == "LockException":
            record.msg = (
                f"error: another snakemake works in {Path.cwd()} on the same files; wait for it or "
                "end it (where it ran on another machine, and is dead: the same command with "
                "--unlock)"
            )
        if str(getattr(record, "event", "")) == "job_error" and self._plan.storage.plugin:
            self._show_stored_logs(record)
        return True

    def _show_stored_logs(self, record: Any) -> None:
        """Put what a failed job's logs say in the place of their names, if logs are to be shown."""
        dag = self._workflow.dag
        if not self._workflow.output_settings.show_failed_logs:
            return
        logs = [log for job in dag.jobs if dag.jobid(job) == record.jobid for log in job.log]
        told = {log.storage_object.query: self._content_of(log) for log in logs if log.is_storage}
        if len(told) == len(logs):
            record.log = record.log[len(logs) :]  # what an executor has of its own
            record.aux = {**(record.aux or {}), **told}

    def _content_of(self, log: Any) -> str:
        """Return what a log says, of a job on this machine by the copy here, or why it is unknown.

        Snakemake tells of jobs elsewhere within an event loop, in which no other one can run.
        """
        try:
            if os.path.isfile(log):
                return Path(log).read_text(errors="replace")
            with ThreadPoolExecutor(1) as pool:
                address = log.storage_object.query
                return pool.submit(_fetched, self._plan.storage.plugin, address).result()
        except (OSError, UserError) as error:
            return str(error)

    def closing(self, log: Sequence[str] = ()) -> str:
        """Return the last lines: of a run with its log files, without them if nothing was done.

        Where files were only marked, how many.
        """
        if log and self._workflow.touch:
            jobs = self._workflow.dag.needrun_jobs(exclude_finished=False)
            return marked_line(self._are_there(jobs))
        begun = self._workflow.start_time.timestamp()
        seconds = max(time.time() - begun, 0) if log else None  # clocks are set back
        options, own = options_to_repeat(sys.argv[1:]), "".join(log[:1])
        storage = self._workflow.storage_settings.default_storage_prefix or ""
        current = self._current()
        lines = closing_lines(self._plan, self._targets, options, seconds, own, storage, current)
        return "\n".join(lines)

    def unknown(self) -> str:
        """Return a warning of results that are kept though nobody knows how they were made, or "".

        Snakemake tells it in dry runs only.
        """
        dag = self._workflow.dag
        kept = [job for job in dag.jobs if dag.reason(job).no_metadata and not dag.needrun(job)]
        if not (files := sum(len(job.output) for job in kept)):
            return ""
        return (
            f"warning: .snakemake does not say how {files} files were made: they are kept, "
            "whatever the config was; if they are of this one, run the same command once with "
            "--touch --forceall, else with --forceall"
        )

    def begin_to_mark(self) -> None:
        """Tell no job from now on if files are only to be marked; UserError if there is none.

        Snakemake would end well, and leave an empty log of each job. Without the Snakefile's hooks,
        as in a workflow that imports this one, nobody tells how many were marked, but of jobs.
        """
        if not self._workflow.touch:
            return
        for account in self.accounts:
            account.only_marks = True
        if not any(self._are_there(self._workflow.dag.jobs)):
            raise UserError(
                f"--touch: there is no file yet to mark as up to date (seen from {Path.cwd()}); "
                "run the same command without it"
            )
        if any(job.rule.name == TRAINING_RULE for job in self._workflow.dag.jobs):
            mark_training(self._plan)

    def _are_there(self, jobs: Iterable[Any]) -> list[bool]:
        """Return of each file that jobs make whether there is one."""
        run = self._workflow.async_run  # a storage is asked
        return [run(file.exists()) for job in jobs for file in job.output]

    def _current(self) -> set[str]:
        """Return the files of jobs that are done, or had not to be, of those that were to be.

        With `--until` and the like others are left out, whatever the targets.
        """
        dag = self._workflow.dag
        done = filter(dag.noneedrun_finished, dag.jobs)
        return {str(file) for job in done for file in job.output}

    @property
    def _targets(self) -> list[str]:
        return list(self._workflow.dag_settings.targets)

    def _right_targets(self) -> str:
        """Return the targets there are, and those that are likest to the ones asked for."""
        rules = [rule.name for rule in self._workflow.rules if not rule.output]
        rules += ["report"]
        likest = [name for target in self._targets for name in get_close_matches(target, rules, 1)]
        meant = f"; did you mean {' '.join(likest)}?" if set(likest) - set(self._targets) else ""
        return (
            f"The targets are {', '.join(rules)}, and files below {self._plan.results.root}{meant}"
        )


def add_to_messages(workflow: Any, plan: Plan) -> Additions:
    """Add to Snakemake's messages from here on; let the project's logger know the plan."""
    from snakemake.logging import logger

    additions = Additions(workflow, plan)
    logger.addFilter(additions)
    for handler in workflow.logger_manager.get_log_handlers():
        if account := getattr(handler, "account", None):
            account.plan = plan
            additions.accounts.append(account)
    return additions


def _fetched(plugin: str, address: str) -> str:
    """Return what a file in a storage says; UserError if it cannot be read."""
    stored = StoredFile(plugin, address)
    path = stored.folder / "log"
    return path.read_text(errors="replace") if stored.fetch(path) else "is not there"


def missing_by_keys(message: str, config: Mapping[str, Any]) -> str:
    """Return what Snakemake says of missing files in a line for each key of the config naming one.

    Args:
        message: Snakemake's, which it stays where other files are missing, too.
        config: a complete one.
    """
    affected = message.partition("affected files:")[2].strip().splitlines()
    paths = sorted(map(str.strip, affected))  # Snakemake's order is another each time
    keys = [list(_keys_that_name(config, path)) for path in paths]
    if not paths or not all(keys):
        return message
    return "\n".join(
        f"error: config: {', '.join(names)}: no {path} (seen from {Path.cwd()}); put it there or "
        "correct the path"
        for path, names in zip(paths, keys, strict=True)
    )


def _keys_that_name(value: Any, path: str, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _keys_that_name(one, path, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for one in value:
            yield from _keys_that_name(one, path, key)
    elif isinstance(value, str) and os.path.normpath(value) == os.path.normpath(path):
        yield key
