"""How many cores this process may use: in a container or a cluster's job fewer than there are."""

import math
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
# Microseconds of all cores in a period of so many: of version 2 in one file, of version 1 in two.
_QUOTAS = (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))


def cores() -> int:
    """Return how many cores this process may use, 1 at least.

    Those that it is bound to, as by Slurm, or what it gets of their time, as by `podman run
    --cpus` or Kubernetes' `limits.cpu`, whichever is fewer; a part of a core counts as one.
    """
    if hasattr(os, "sched_getaffinity"):  # not on a Mac
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return math.ceil(min([allowed, *map(_limit, _groups())]))


def processor_name() -> str:
    """Return what the processor is called."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _groups() -> Iterator[Path]:
    """Yield the folders of this process's control groups and of those above them.

    A container may see its own group as the topmost one, whatever the name of its process's.
    """
    with suppress(OSError):  # a system without them
        for line in _OWN.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if not controllers or "cpu" in controllers.split(","):
                top = _GROUPS / "cpu" if controllers else _GROUPS
                own = PurePosixPath(name.lstrip("/"))
                yield from (top / group for group in (own, *own.parents))


def _limit(group: Path) -> float:
    """Return how many cores a control group may fill; infinity where it says nothing of that."""
    for names in _QUOTAS:
        with suppress(OSError, ValueError):  # "max" is no number
            found = " ".join((group / name).read_text() for name in names)
            quota, period = map(int, found.split())
            if quota > 0 and period > 0:
                return quota / period
    return math.inf
