"""How a command ends: in one line where a user, a signal or a lost process ended it.

Everything else is a bug and keeps its traceback.
"""

import atexit
import errno
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import NoReturn, TextIO, cast

from iscqk.errors import UserError
from iscqk.formats.disk_errors import disk_is_full, disk_is_gone
from iscqk.formats.printable_names import printable
from iscqk.runtime.following import end_with_followed
from iscqk.runtime.keeping import is_anything_kept
from iscqk.runtime.standard_output import Output, OutputLost

# Without any result for this long, reading or copying images is taken to hang; a network file
# system can also stall this long.
PATIENCE_SECONDS = 600
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TIDYING_SECONDS = 60

# What a stop tells by whether anything is kept; where others know, they tell.
_GOES_ON = {
    True: "; the same command goes on from here",
    False: "; run the same command again",
    None: "",
}
LOST_WORKER = (
    "a worker process was killed, most likely as the memory is full; give it fewer threads "
    "(--cores, --set-threads RULE=N) or more memory, then run the same command again"
)
HANGING = (
    f"no image was read for {PATIENCE_SECONDS} s, as when a network's disk hangs; see to it, then "
    "run the same command again"
)
NO_PLACE = "no folder for temporary files can be written; name one (TMPDIR)"
# Of a file without a name: `atomic_file` writes those of results, and has it.
NO_SPACE = (
    "no space left for temporary files (disk full, quota or size limit); free some or name another "
    "folder (TMPDIR), then run the same command again"
)
FULL_SHARED_MEMORY = (
    "the memory that processes share (/dev/shm) is full, or of files too small for it (ulimit -f); "
    "give more (podman run --shm-size 2g; to a pod an emptyDir of medium Memory) or fewer threads, "
    "then run the same command again"
)
FULL_MEMORY = (
    "the memory is full; give it more, or lower the batch size or the threads, "
    "then run the same command again"
)
NO_MORE_ALLOWED = (
    "the system allows no more processes, threads or open files (ulimit -u, ulimit -n, podman run "
    "--pids-limit); allow more or give it fewer threads, then run the same command again"
)
NO_COMPILER = (
    "no compiler that torch finds, as train.compile wants one; install g++ (on a GPU gcc) or set "
    "train.compile: false"
)
LOST_PROCESS = "another of the processes has ended; its own error says why"
TOO_LONG_APART = (
    "the processes waited too long for each other, as when they were stopped meanwhile; run the "
    "same command again"
)
# What is wrong with a file or a folder, whoever meets it, and though it was looked at before.
_OF_A_FILE = {
    *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY),
}
_SEE_TO_IT = "see to that file or folder, then run the same command again"
# Errors without a type of their own, by what they say.
_CAUSES = {
    "shared memory(shm)": FULL_SHARED_MEMORY,  # torch, where it is full at once
    "file </torch_": FULL_SHARED_MEMORY,
    "out of shared memory": FULL_SHARED_MEMORY,  # of a worker that was lost by it
    "DataLoader worker (pid": LOST_WORKER,
    "DataLoader timed out": HANGING,
    "CUDA out of memory": FULL_MEMORY,
    "can't allocate memory": FULL_MEMORY,  # torch
    "Unable to allocate": FULL_MEMORY,  # NumPy
    "failed to map segment from shared object": FULL_MEMORY,  # of a library, as of torch
    "Too many open files": NO_MORE_ALLOWED,
    "Resource temporarily unavailable": NO_MORE_ALLOWED,  # of a process
    "can't start new thread": NO_MORE_ALLOWED,
    "No usable temporary directory": NO_PLACE,
    "No working C++ compiler found": NO_COMPILER,  # torch, for a CPU
    "Failed to find C compiler": NO_COMPILER,  # Triton, for a GPU
    "] Timed out waiting": TOO_LONG_APART,  # gloo, whose other errors come of a lost process
    "gloo/transport": LOST_PROCESS,
}


class Stopped(BaseException):
    """A signal asks this process to end; `sigval` is its number."""

    def __init__(self, sigval: int) -> None:
        super().__init__(sigval)
        self.sigval = sigval


def exit_status_of(command: Callable[[], None]) -> int:
    """Run a command; return its exit status, and print in one line what ended it early."""
    status = 0
    with _catching_signals(), redirect_stdout(cast("TextIO", Output(sys.stdout))):
        try:
            end_with_followed()
            command()
        except UserError as error:
            status = _tell(_own_line(error), 1)
        except SystemExit as error:  # of argparse, which has printed help or a complaint
            raise SystemExit(_flushed() or error.code) from None
        except (Exception, Stopped, KeyboardInterrupt) as error:
            status = _told(error)
        return _flushed() or status


def leave(status: int) -> NoReturn:
    """End this process, and leave it to the system to take apart what it holds.

    Python and torch would take a quarter of a second for it. What is registered for the end is
    done, and what was written to standard error and output goes there.
    """
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):  # closed by whoever reads it
            stream.flush()
    os._exit(status)


def kill_workers() -> None:
    """Kill all worker processes of this one."""
    # torch has the end of a loader's worker raise an error, wherever this process is by then.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, _overlook)
    for worker in multiprocessing.active_children():
        worker.kill()


def _told(error: BaseException) -> int:
    """Return the exit status for an error that has a line, and print it; raise any other."""
    number = _stopped_by() or getattr(error, "sigval", None)  # the latter also of torchrun's own
    if number:
        name = signal.Signals(number).name
        return _tell(f"stopped by {name}{_GOES_ON[is_anything_kept()]}", 128 + number)
    if isinstance(error, OutputLost):
        kill_workers()
        return _without_output(error)
    line = cause_of(error)
    if line is None:
        raise error
    kill_workers()
    return _tell(line, 1)


def cause_of(error: BaseException) -> str | None:
    """Return the line for an error that no code of ours has raised, if it has one."""
    if line := next((line for words, line in _CAUSES.items() if words in str(error)), None):
        return line
    if isinstance(error, ConnectionError) or _is_of_a_connection(error):
        return LOST_WORKER  # a loader's, whose end is not noticed yet
    if isinstance(error, MemoryError):
        return FULL_MEMORY
    if isinstance(error, OSError) and (line := disk_is_gone(error.errno)):
        return f"{printable(error.filename)}: {line}" if error.filename else line
    if isinstance(error, OSError) and (line := disk_is_full(error.errno)):
        if _raised_in(error, "multiprocessing.synchronize"):
            return FULL_SHARED_MEMORY
        return f"{printable(error.filename)}: {line}" if error.filename else NO_SPACE
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        return "the folder that this was started in is gone; change to one that is there"
    name = getattr(error, "filename", None)
    if isinstance(error, OSError) and error.errno in _OF_A_FILE and isinstance(name, str | Path):
        return f"{printable(name)}: {error.strerror}; {_SEE_TO_IT}"
    return None


@contextmanager
def causes_told() -> Iterator[None]:
    """Have a call from Python end as a command does: UserError in place of what has a line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        line = cause_of(error)
        if line is None:
            raise
        raise UserError(line) from error


def _is_of_a_connection(error: BaseException) -> bool:
    """Return whether an error comes of what processes say to each other, or no longer do."""
    told = isinstance(error, EOFError | OSError | RuntimeError)  # the last of a file not passed on
    return told and _raised_in(error, "multiprocessing.connection", "multiprocessing.reduction")


def _raised_in(error: BaseException, *modules: str) -> bool:
    frames = list(traceback.walk_tb(error.__traceback__))
    return bool(frames) and frames[-1][0].f_globals["__name__"] in modules


def _is_nowhere() -> bool:
    """Return whether the folder that this process is in has been removed."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def _flushed() -> int:
    """Return 0 once all that was printed is taken, another exit status where it is not."""
    try:
        sys.stdout.flush()
    except OutputLost as lost:
        return _without_output(lost)
    return 0


def _without_output(lost: OutputLost) -> int:
    """Return the exit status of a command whose standard output takes no more."""
    # What it has not taken would fail again when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(lost.reason, BrokenPipeError):  # its reader has enough, as `head` has
        return 128 + signal.SIGPIPE  # and quiet, like any other program
    what = f"standard output cannot be written ({lost.reason.strerror})"
    return _tell(f"{what}; free some space, or let it go elsewhere", 1)


def _tell(line: str, status: int) -> int:
    with suppress(OSError):  # there may be nobody to tell
        print(f"error: {line}", file=sys.stderr)
    return status


def _own_line(error: UserError) -> str:
    """Return an error's own line, without the traceback that a loader's worker puts before it."""
    text = str(error.args[0]) if error.args else ""
    if text.startswith("Caught "):  # the last line is `module.Type: own line`
        text = text.strip().splitlines()[-1].partition(": ")[2]
    return str(UserError(text))


_received: list[int] = []


def _stopped_by() -> int | None:
    return _received[0] if _received else None


@contextmanager
def _catching_signals() -> Iterator[None]:
    """Let signals raise Stopped; those that the starter has this process ignore stay ignored."""
    _received.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = [number for number in _SIGNALS if before[number] != signal.SIG_IGN]
    for number in caught:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in [] if _received else caught:
            signal.signal(number, before[number])


def _overlook(*_: object) -> None:
    """Do nothing for a signal.

    It may have arrived before: Python prints a traceback where it then finds SIG_IGN or SIG_DFL.
    """


def _stop(number: int, _: object) -> None:
    """End the workers and unwind, so that temporary files go; what hangs meanwhile is killed."""
    if multiprocessing.parent_process():  # in a worker, which has it from its parent
        os._exit(128 + number)
    _received.append(number)
    for other in _SIGNALS:
        signal.signal(other, _overlook)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_TIDYING_SECONDS)
    kill_workers()
    raise Stopped(number)
