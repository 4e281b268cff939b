"""One way to print, one way to log and one way to show progress."""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TextIO, TypeVar

from iscqk.errors import one_line

Item = TypeVar("Item")

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_DATE_FORMAT = "%Y-%m-%d %H:%M:%S"
_FIRST_SECONDS = 2.0  # until a log has its first line of progress


def print_line(text: str) -> None:
    """Print one line, whatever names and contents of files are quoted in it."""
    print(one_line(text))


class _OneLine(logging.Formatter):
    """Writes a record as one line, whatever is quoted in it; a bug's traceback follows as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return one_line(super().formatMessage(record))


class _AboveBars(logging.StreamHandler[TextIO]):
    """Writes lines to standard error above the bars that are drawn there, not into them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_OneLine(_FORMAT, _DATE_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # a log that cannot be written is no reason to end the work
            from tqdm import tqdm  # a tenth of the start of who has nothing to tell

            tqdm.write(self.format(record), file=sys.stderr)


def set_up_logging(quiet: bool = False) -> None:
    """Log to standard error as `time level name: message`; of what libraries say, warnings.

    Args:
        quiet: whether warnings and errors are all that is said of the package, too.
    """
    logging.basicConfig(handlers=[_AboveBars()])
    logging.getLogger("iscqk").setLevel(logging.WARNING if quiet else logging.INFO)


def progress(
    items: Iterable[Item], total: int, what: str, every_seconds: float = 20.0, first: int = 0
) -> Iterator[Item]:
    """Yield `items` with a bar in a terminal, or a log line every so often in a file.

    A bar is drawn where lines are written above it, as by `set_up_logging` unless that is quiet,
    and TQDM_DISABLE is not set: to a program that only calls functions of this one the terminal is
    its own.

    Either tells how many a second there are and how long it takes yet. Of several processes that
    share the work, the first alone does so.

    Args:
        items: what is worked on.
        total: how many there are, those done before included.
        what: is worked on, for people.
        every_seconds: at which a line is logged; the first ones come sooner.
        first: how many were done before.
    """
    from tqdm import tqdm

    logger = logging.getLogger("iscqk.progress")
    start = spoken = time.monotonic()
    hidden = os.environ.get("RANK", "0") != "0"
    if sys.stderr is None:  # of a program that has closed it, and calls this one's functions
        hidden = True
    disable = hidden or not _may_draw() or None  # None: unless in a terminal
    bar = tqdm(items, total=total, desc=what, disable=disable, unit="", initial=first)
    for done, item in enumerate(bar, first):
        now = time.monotonic()
        pause = min(every_seconds, max(_FIRST_SECONDS, (now - start) / 4))
        if bar.disable and not hidden and done > first and now - spoken > pause:
            spoken, rate = now, (done - first) / (now - start)
            remaining = (total - done) / rate
            pace = f"{rate:.1f}" if rate >= 1 else f"{rate:.3f}"
            logger.info("%s: %d of %d, %s/s, %.0f s left", what, done, total, pace, remaining)
        yield item


def _may_draw() -> bool:
    """Return whether bars are drawn here, if in a terminal."""
    above = any(isinstance(handler, _AboveBars) for handler in logging.getLogger().handlers)
    told = logging.getLogger("iscqk").isEnabledFor(logging.INFO)
    return above and told and not os.environ.get("TQDM_DISABLE")
