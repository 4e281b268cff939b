"""A command as several processes of this machine, which torchrun starts; also as one of them."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from iscqk.errors import UserError
from iscqk.learning import distributed
from iscqk.models.device import choose_device, set_threads
from iscqk.runtime.following import be_followed
from iscqk.runtime.keeping import leave_to_others
from iscqk.runtime.memory import keep_freed_memory
from iscqk.runtime.shutdown import LOST_WORKER


@contextmanager
def run_distributed(processes: int, threads: int) -> Iterator[tuple[torch.device, int]]:
    """Be one of several processes that do this command together, with their share of the threads.

    Yields the device of this process and the number of its threads.
    """
    _launch(processes, threads)
    keep_freed_memory()
    device = choose_device()
    with distributed.process_group(device):
        yield device, set_threads(max(1, threads // distributed.processes_here()))


def _launch(processes: int, threads: int) -> None:
    """Do this very command as several processes of this machine, then end this one.

    Under torchrun, also one of several machines, and where one process is asked for, do nothing.
    """
    if processes == 1 or "WORLD_SIZE" in os.environ:
        return
    # Slow to import, and of use only here.
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    os.environ["OMP_NUM_THREADS"] = str(max(1, threads // processes))
    be_followed()
    leave_to_others()
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # told below
    torchrun = ["--standalone", f"--nproc-per-node={processes}", "-m"]
    # After --, or torchrun takes our --start for an abbreviation of one of its own options.
    try:
        run(parse_args([*torchrun, "--", "iscqk.cli", *sys.argv[1:]]))
    except ChildFailedError as error:
        _end_as([failure.exitcode for failure in error.failures.values()])
    raise SystemExit(0)


def _end_as(statuses: list[int]) -> None:
    """End as the first process did that failed; where one was killed, say so."""
    if -signal.SIGKILL in statuses:
        raise UserError(LOST_WORKER)
    raise SystemExit(statuses[0] if statuses[0] > 0 else 128 - statuses[0])
