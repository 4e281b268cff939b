"""How much of a run is done, weighted by the time that its jobs take."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from glob import glob
from pathlib import Path
from statistics import fmean

from iscqk.formats.light_tables import mean_of_usage
from iscqk.formats.results import Results
from iscqk.plan.jobs import kind_of
from iscqk.terminal.rules import RULES, rule_named, usage_of

_EARLY = 0.02  # of the work: what is left is not told before, as the first jobs tell little
_LEAST = 1e-3  # seconds that a job takes
_UNKNOWN = 0.9  # of a job is done at most, as long as it does not say so itself


def measured_seconds(results: Results) -> dict[str, float]:
    """Return how long a job of each kind took on average, of those that have run here."""
    found: dict[str, list[float]] = defaultdict(list)
    for path in glob(results.patterns.usage("**/*"), recursive=True):
        if seconds := mean_of_usage(path, "s"):
            found[kind_of(Path(path).stem)].append(seconds)
    return {kind: fmean(times) for kind, times in found.items()}


def expected_seconds(rules: Iterable[str], measured: Mapping[str, float]) -> dict[str, float]:
    """Return how long a job of each rule takes: as measured, else typically, on this machine.

    How fast the machine is with such images tell those of the rules that were measured.
    """
    rules = list(rules)
    known = [name for name in RULES if usage_of(name) in measured]
    typical = sum(RULES[name].seconds for name in known)
    speed = sum(measured[usage_of(name)] for name in known) / typical if typical else 1
    return {name: measured.get(usage_of(name), rule_named(name).seconds * speed) for name in rules}


class Work:
    """The work of a run: jobs planned, and those done."""

    def __init__(self, planned: Mapping[str, int], expected: Mapping[str, float]) -> None:
        """Plan.

        Args:
            planned: jobs of each rule.
            expected: seconds that a job of each rule takes.
        """
        self._expected = expected
        self._waiting = dict(planned)
        self._total = self._seconds_waiting()
        self._share = 0.0

    def of(self, rule: str) -> float:
        """Return the seconds that a job of a rule is expected to take."""
        return max(self._expected.get(rule, 0.0), _LEAST)

    def finish(self, rule: str) -> None:
        """Count a job as done; one that was not planned takes no time."""
        if rule in self._waiting:
            self._waiting[rule] -= 1

    def share(self, running: Iterable[tuple[str, float | None, float]] = ()) -> float:
        """Return the share of the work that is done, from 0 to 1; it never falls.

        Args:
            running: of each job that runs its rule, the share of it that is done, if it says so,
                and the seconds it has run.
        """
        done = self._total - self._seconds_waiting()
        for rule, share, seconds in running:
            expected = self.of(rule)
            done += expected * (min(seconds / expected, _UNKNOWN) if share is None else share)
        self._share = max(self._share, min(done / self._total, 1.0) if self._total else 0.0)
        return self._share

    def _seconds_waiting(self) -> float:
        """Return the seconds of all jobs that are not done: exactly 0 where there is none."""
        return sum(count * self.of(rule) for rule, count in self._waiting.items())

    def left(self, seconds: float) -> float | None:
        """Return the seconds left if it goes on as it went in those passed; None if unclear."""
        return seconds * (1 / self._share - 1) if self._share > _EARLY else None
