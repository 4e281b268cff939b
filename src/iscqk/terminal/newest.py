"""How far a job is, by the newest line of its log."""

import os
import re
import time
from contextlib import suppress
from typing import NamedTuple

from iscqk.errors import one_line

# iscqk.runtime.logs.progress and the lines of a training: `120 of 600, 33.1/s, 14 s left`.
_PROGRESS = re.compile(
    r"(?:progress: (?P<part>[^:]+): )?(?P<done>\d+) of (?P<total>\d+)\b.*?"
    r"(?P<rate>\d+(\.\d+)?(?: images)?/s)\b.*?, (?P<left>\d+) s left"
)
_WARNING = re.compile(r"^\S+ \S+ WARNING \S+: (.+)$")
_TAIL = 8192  # bytes


class Newest(NamedTuple):
    """Where a part of a job is: the share done from 0 to 1, its rate, and seconds left."""

    share: float
    rate: str
    left: float
    part: str  # as `embed, batches`; nothing where the log names none


def newest(log: str, begun: float = 0.0) -> Newest | None:
    """Return where a job is now, as far as its log tells; None where it does not.

    A line is written every so often: since then it went on at its rate.

    Args:
        log: path of what it says.
        begun: when it did, by `time.time`; what is older is of an earlier one.
    """
    with suppress(OSError):
        written = os.stat(log).st_mtime
        for line in reversed(_tail(log)) if written >= begun else []:
            if found := _PROGRESS.search(line):
                return _since(found, max(time.time() - written, 0))
    return None


def warnings_in(log: str) -> list[str]:
    """Return the warnings that a job has logged."""
    with suppress(OSError), open(log, encoding="utf-8", errors="replace") as file:
        return [one_line(found[1]) for line in file if (found := _WARNING.match(line))]
    return []


def _tail(log: str) -> list[str]:
    with open(log, "rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
        return re.split(r"[\r\n]+", file.read().decode(errors="replace"))


def _since(found: re.Match[str], since: float) -> Newest:
    done, total, left = (int(found[name]) for name in ("done", "total", "left"))
    share = done / max(total, 1)
    if left:  # no further than nine tenths of the rest: it may be slower by now
        share += (1 - share) * min(since / left, 0.9)
    return Newest(min(share, 1.0), found["rate"], max(left - since, 0), found["part"] or "")
