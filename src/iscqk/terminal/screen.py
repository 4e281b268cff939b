"""Where a run is told of: moving bars in a terminal, plain lines in a log."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from tqdm import tqdm

from iscqk.terminal.newest import Newest, newest
from iscqk.terminal.words import clock

_BAR = 16  # columns
_SHOWN = 6  # jobs that have a bar, at most
_STEP = 0.1  # of a job's own work, at which a log has a line of it
_STEP_SECONDS = 60.0  # between two such lines, at least


@dataclass
class Job:
    """A job that runs.

    Attributes:
        rule: its name.
        words: what it does.
        logs: paths of what it says.
        begun: when it did, by `time.time`.
        part: of its work, which takes long, as its log calls it; nothing where it has but one.
        told: the part of it and the share of that which were told last, and when.
    """

    rule: str
    words: str
    logs: list[str]
    part: str = ""
    begun: float = field(default_factory=time.time)
    told: tuple[str, float, float] = ("", 0.0, 0.0)

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return max(time.time() - self.begun, 0)

    @property
    def newest(self) -> Newest | None:
        """Where it is, if it says so."""
        return newest(self.logs[0], self.begun) if self.logs else None

    def share_at(self, place: Newest | None) -> float | None:
        """Return the share of it that is done by its newest place; none as long as it prepares."""
        return place and (0.0 if self._aside(place) else place.share)

    def of(self, place: Newest) -> str:
        """Return what it does at a place of its work."""
        return f"{self.words} ({place.part})" if self._aside(place) else self.words

    def _aside(self, place: Newest) -> bool:
        return bool(self.part) and place.part not in ("", self.part)


@dataclass(frozen=True)
class Progress:
    """Where the whole run is: seconds passed, the share done, and seconds left if that is clear."""

    seconds: float
    share: float
    left: float | None

    def of(self, words: str) -> str:
        """Return a line about something that begins or ends now."""
        return f"{clock(self.seconds):>7} {_told(self.share):5.0%}  {words}"


class Screen(Protocol):
    """Where a run is told of."""

    every_seconds: float

    def started(self, job: Job, progress: Progress) -> None:
        """Tell that a job runs."""

    def finished(self, job: Job, progress: Progress) -> None:
        """Tell that a job is done."""

    def moved(self, jobs: Iterable[Job], progress: Progress) -> None:
        """Tell how far the jobs that run are."""

    def say(self, text: str) -> None:
        """Write a text that is no progress."""

    def aside(self, write: Callable[[], None]) -> None:
        """Let such a text be written by other means."""

    def close(self) -> None:
        """Leave nothing behind that moves."""


def screen_for(stream: TextIO) -> Screen:
    """Return bars for a terminal that can move its cursor, else lines."""
    moves = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Bars(stream) if moves else Lines(stream)


class Lines:
    """A line as a job starts, and of a long one every tenth of its work, at most one a minute."""

    every_seconds = 5.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def started(self, job: Job, progress: Progress) -> None:
        """Write what it does."""
        job.told = ("", 0.0, time.time())
        self.say(progress.of(job.words))

    def finished(self, job: Job, progress: Progress) -> None:
        """Write nothing: the next job tells how far the run is."""

    def moved(self, jobs: Iterable[Job], progress: Progress) -> None:
        """Write how far those jobs are that it is time for."""
        for job in jobs:
            part, share, when = job.told
            now, place = time.time(), job.newest
            if not place or now < when + _STEP_SECONDS:
                continue
            if place.share >= _STEP + (share if place.part == part else 0):
                job.told = (place.part, place.share, now)
                self.say(progress.of(f"{job.of(place)}: {_told(place.share):.0%}{_pace(place)}"))

    def say(self, text: str) -> None:
        """Write it."""
        print(text, file=self._stream, flush=True)

    def aside(self, write: Callable[[], None]) -> None:
        """Let it be written."""
        write()

    def close(self) -> None:
        """Do nothing."""


class Bars:
    """A line for each job that is done, below them a bar for each that runs and one for all."""

    every_seconds = 0.5

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._drawn = stream, 0
        self._ascii = not (stream.encoding or "").lower().startswith("utf")

    def started(self, job: Job, progress: Progress) -> None:
        """Do nothing: its bar comes with the next move."""

    def finished(self, job: Job, progress: Progress) -> None:
        """Write what was done, and how long it took."""
        self.say(f"{progress.of(job.words)}, {clock(job.seconds)}")

    def moved(self, jobs: Iterable[Job], progress: Progress) -> None:
        """Draw all bars anew."""
        jobs = list(jobs)
        hidden, shown = jobs[:-_SHOWN], jobs[-_SHOWN:]
        lines = [self._of_job(job) for job in shown]
        whole = f"{len(hidden)} more jobs, the whole run" if hidden else "the whole run"
        left = "" if progress.left is None else f", {clock(progress.left)} left"
        lines.append(self._line(progress.seconds, progress.share, f"{whole}{left}"))
        with self._erased():
            width = os.get_terminal_size(self._stream.fileno()).columns or 80
            self._stream.write("\n".join(line[: width - 1] for line in lines))
            self._drawn = len(lines)

    def say(self, text: str) -> None:
        """Write it where the bars were."""
        self.aside(lambda: print(text, file=self._stream))

    def aside(self, write: Callable[[], None]) -> None:
        """Let it be written where the bars were."""
        with self._erased():
            write()

    def close(self) -> None:
        """Erase the bars."""
        with self._erased():
            pass

    def _of_job(self, job: Job) -> str:
        place = job.newest
        if place is None:
            return self._line(job.seconds, None, job.words)
        return self._line(job.seconds, place.share, f"{job.of(place)}{_pace(place)}")

    def _line(self, seconds: float, share: float | None, words: str) -> str:
        done = _told(share or 0)  # so that the bar says the same
        bar = tqdm.format_meter(done, 1, seconds, ascii=self._ascii, bar_format=f"{{bar:{_BAR}}}")
        told = "    " if share is None else f"{done:4.0%}"
        return f"{clock(seconds):>7} |{bar}| {told}  {words}"

    @contextmanager
    def _erased(self) -> Iterator[None]:
        """Let the block write where the bars were; they are gone after it."""
        if self._drawn:
            self._stream.write("\r" + "\x1b[A" * (self._drawn - 1) + "\x1b[J")
            self._drawn = 0
        yield
        self._stream.flush()


def _told(share: float) -> float:
    """Return a share in whole hundredths, as it is told; all of them only where all is done."""
    return 1.0 if share >= 1 else min(round(share, 2), 0.99)


def _pace(place: Newest) -> str:
    return f", {place.rate}, {clock(place.left)} left"
