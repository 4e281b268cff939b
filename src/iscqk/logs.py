"""One way to log and one way to show progress."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def set_up_logging() -> None:
    """Log to standard error as `time level name: message`."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )


def progress(
    items: Iterable[Item], total: int, what: str, every_seconds: float = 20.0
) -> Iterator[Item]:
    """Yield `items` with a bar in a terminal, or a log line every so often in a file."""
    logger = logging.getLogger("iscqk.progress")
    start = spoken = time.monotonic()
    bar = tqdm(items, total=total, desc=what, disable=None, unit="")
    for done, item in enumerate(bar):
        now = time.monotonic()
        if bar.disable and now - spoken > every_seconds:
            spoken, rate = now, done / (now - start)
            remaining = (total - done) / max(rate, 1e-9)
            logger.info("%s: %d of %d, %.1f/s, %.0f s left", what, done, total, rate, remaining)
        yield item
