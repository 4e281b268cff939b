"""Processes that end with another: a job with its Snakemake, a worker with its parent."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

# Names the process whose end is this one's too: Snakemake, or who started several processes. It is
# passed on to other machines and containers, too, where its number means another or none.
_FOLLOWED = "ISCQK_FOLLOWED"


def be_followed() -> None:
    """Let what is started from here on end when this process does, however it ends."""
    os.environ[_FOLLOWED] = f"{_here()} {os.getpid()}"


def end_with_followed() -> None:
    """End this process by SIGTERM when the followed one ends, or has ended, on this machine."""
    where, _, pid = os.environ.get(_FOLLOWED, "").rpartition(" ")
    if where == _here():
        end_with_process(int(pid))


def end_with_process(pid: int) -> None:
    """End this process by SIGTERM when another ends, or if there is none."""
    _end_once(lambda: not _lives(pid))


def become_worker(*_: object) -> None:
    """Be a worker process: leave Ctrl-C to the parent, and end with it.

    Workers wait for work for ever where their parent is killed and cannot tell them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent, starter = multiprocessing.parent_process(), os.getppid()
    assert parent is not None
    # Of a parent that ended before this line the second tells; the starter may be a fork server.
    _end_once(lambda: os.getppid() != starter or not parent.is_alive())


def _end_once(is_over: Callable[[], bool]) -> None:
    def watch() -> None:
        while not is_over():
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _here() -> str:
    """Return what is equal in two processes if a process number means the same one to both."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{started} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # a system without such files
        return os.uname().nodename


def _lives(pid: int) -> bool:
    """Return whether a process is there and has not ended: it stays until it is waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:  # a system without such files
        return True
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")
