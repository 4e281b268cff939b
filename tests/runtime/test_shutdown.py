"""Signals, lost and hanging workers end a stage in one line, and nothing stays behind."""

import errno
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Client
from multiprocessing.reduction import recvfds
from pathlib import Path

import h5py
import numpy as np
import pytest

from conftest import ROOT
from iscqk.cli import main
from iscqk.formats.files import atomic_file
from iscqk.runtime.logs import progress
from iscqk.runtime.shutdown import (
    FULL_MEMORY,
    FULL_SHARED_MEMORY,
    HANGING,
    LOST_PROCESS,
    LOST_WORKER,
    NO_MORE_ALLOWED,
    NO_SPACE,
    TOO_LONG_APART,
    exit_status_of,
)
from iscqk.runtime.workers import parallel_map

SCRIPT = Path(__file__).with_name("shutdown_cases.py")
NO_PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="a system without /proc")
STOPPED = "error: stopped by {}; run the same command again"  # these keep nothing


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return how every case of shutdown_cases.py ends."""
    command = [sys.executable, str(SCRIPT), str(tmp_path_factory.mktemp("shutdown_cases"))]
    paths = [str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def ends(found, case, status, line):
    assert found[case]["printed"] == [line]
    assert found[case]["status"] == status and not found[case]["alive"]


@pytest.mark.parametrize("what", ["load", "pool"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("whom", ["to_all", "to_main"])
def test_a_signal_ends_a_stage_and_its_workers(found, what, name, whom):
    case = f"{what}, {name} {whom}"
    ends(found, case, 128 + signal.Signals[name], STOPPED.format(name))
    assert not found[case]["left"]


@pytest.mark.parametrize("what", ["load", "pool"])
def test_workers_end_with_a_killed_stage(found, what):
    case = found[f"{what}, SIGKILL to_main"]
    assert case["status"] == -signal.SIGKILL and not case["alive"]


@pytest.mark.parametrize("what", ["load", "pool"])
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_lost_worker_is_told_with_its_remedy(found, what, name):
    case = f"{what}, {name} to_a_worker"
    ends(found, case, 1, f"error: {LOST_WORKER}")
    assert not found[case]["left"]


def test_a_map_that_is_left_ends_its_own_workers_only():
    """In Python others may be the user's."""
    mine = multiprocessing.Process(target=time.sleep, args=(60,))
    mine.start()
    try:
        before = signal.getsignal(signal.SIGCHLD)
        found = parallel_map(abs, range(100), 2, 1)
        assert next(found) == 0 and len(multiprocessing.active_children()) == 3
        found.close()
        until = time.monotonic() + 30
        while multiprocessing.active_children() != [mine] and time.monotonic() < until:
            time.sleep(0.01)
        assert multiprocessing.active_children() == [mine]
        assert signal.getsignal(signal.SIGCHLD) == before
    finally:
        mine.kill()
        mine.join()


def hang_up():
    """Hear nothing more of a process at the other end, as of a worker that ends meanwhile."""
    mine, others = multiprocessing.Pipe()
    others.close()
    mine.recv_bytes()


@pytest.mark.parametrize(
    "call", [hang_up, lambda: Client("/nowhere/of/a/worker")], ids=["ended", "gone"]
)
def test_a_worker_that_is_lost_while_it_is_asked_is_told_likewise(capfd, call):
    assert exit_status_of(call) == 1
    assert capfd.readouterr().err == f"error: {LOST_WORKER}\n"


def test_the_end_of_a_file_is_no_lost_worker():
    def read():
        raise EOFError

    with pytest.raises(EOFError):
        exit_status_of(read)


@pytest.mark.parametrize("what", ["load", "pool"])
def test_what_hangs_is_given_up(found, what):
    ends(found, f"{what}, hanging", 1, f"error: {HANGING}")


def test_what_is_slow_is_waited_for(found):
    assert (found["slow"]["status"], found["slow"]["printed"]) == (0, [])


@pytest.mark.parametrize("what", ["load", "pool"])
def test_what_was_suspended_for_long_goes_on(found, what):
    case = found[f"{what}, suspended"]
    assert (case["status"], case["printed"]) == (0, [])


def test_an_error_in_a_loaders_worker_is_one_line(found):
    line = "error: item 7: cannot read this image (damaged); replace or remove it"
    ends(found, "load, a fault in a worker", 1, line)


@pytest.mark.parametrize("case", ["followed", pytest.param("followed, a zombie", marks=NO_PROC)])
def test_a_stage_ends_with_the_process_that_it_follows(found, case):
    ends(found, case, 128 + signal.SIGTERM, STOPPED.format("SIGTERM"))


FOLLOWING = """
import subprocess, sys, time
from iscqk.runtime import following, shutdown
if sys.argv[1:]:
    following.be_followed()
    if sys.argv[1] == "elsewhere":
        following.os.environ[following._FOLLOWED] = f"elsewhere {following.os.getpid()}"
    subprocess.Popen([sys.executable, "-c", sys.stdin.read()])  # and end at once
else:
    raise SystemExit(shutdown.exit_status_of(lambda: (time.sleep(3), print("done"))))
"""


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_stage_whose_followed_process_has_ended_before_ends_if_that_was_here(where):
    """Snakemake may be killed as it starts a job, which takes a moment to begin."""
    command = [sys.executable, "-c", FOLLOWING, where]
    done = subprocess.run(command, input=FOLLOWING, capture_output=True, text=True)  # both of them
    told = STOPPED.format("SIGTERM") + "\n"
    assert (done.stdout, done.stderr) == (("", told) if where == "here" else ("done\n", ""))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a system without /proc")
def test_a_disk_that_does_not_answer_is_told_in_a_line(tmp_path, capsys):
    """Reading an address that is none fails as a disk does."""

    def read():
        Path("/proc/self/mem").read_bytes()

    def copy():
        with atomic_file(tmp_path / "copy"):
            read()

    for command, named in ((read, ""), (copy, f"{tmp_path}/copy: ")):
        assert exit_status_of(command) == 1
        line = capsys.readouterr().err
        assert line.startswith(f"error: {named}the disk does not answer (Input/output error)")
        assert line.count("\n") == 1


@pytest.fixture
def submission(tmp_path):
    """A folder with a file that `validate` has something to say of."""
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for side, letter in (("query", "Q0"), ("reference", "R00")):
            file[side] = np.eye(4, dtype=np.float32)
            file[f"{side}_ids"] = [f"{letter}000{number}".encode() for number in range(4)]
    return tmp_path


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def printing(request, submission):
    """Return a function that runs the program with other streams."""
    environment = {**os.environ, "PYTHONUNBUFFERED": request.param}

    def run(*arguments, **streams):
        command = [sys.executable, "-m", "iscqk.cli", *arguments]
        return subprocess.run(command, cwd=submission, env=environment, text=True, **streams)

    return run


def without_reader():
    """Return the end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


SPEAKING = (["validate", "s.h5", "--output", "v.json"], ["--help"], ["score", "--help"])


@pytest.mark.parametrize("arguments", SPEAKING, ids=str)
def test_a_reader_that_has_enough_is_no_error(submission, printing, arguments):
    """As `iscqk validate ... | head -1`: quiet, and what goes into files is there."""
    streams = {"stdout": without_reader(), "stderr": subprocess.PIPE}
    done = printing(*arguments, **streams)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")
    assert (submission / "v.json").exists() == ("--output" in arguments)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gone\n.csv", "No such file or directory"),
        ("x" * 300, "File name too long"),
        ("file/a.csv", "Not a directory"),
        (".", "Is a directory"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_a_line_whoever_meets_it(
    tmp_path, monkeypatch, capsys, name, reason
):
    """A file may go away, or its folder be closed, after it was looked at."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert exit_status_of(lambda: open(name)) == 1
    told = f"error: {name}: {reason}; see to that file or folder, then run the same command again"
    assert capsys.readouterr().err == told.replace("\n", "\\n") + "\n"


@pytest.mark.parametrize(
    "words",
    [
        "score a.csv b.csv",
        "validate a.h5 --output b.json",
        "search a.h5 --output b.csv",
        "score /a.csv /b.csv",
    ],
)
def test_a_folder_that_is_gone_under_a_command_is_told(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(words.split()) == 1
    told = "the folder that this was started in is gone; change to one that is there"
    assert capsys.readouterr().err == f"error: {told}\n"


def test_no_place_for_temporary_files_is_told(monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/none"])
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert exit_status_of(tempfile.TemporaryDirectory) == 1
    told = "no folder for temporary files can be written; name one (TMPDIR)"
    assert capsys.readouterr().err == f"error: {told}\n"


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_a_command_works_where_streams_are_closed(submission, closed):
    """As some daemons start what they start."""
    validate = [sys.executable, "-m", "iscqk.cli", "validate", "s.h5", "--output"]
    for name, how in (("open.json", ""), ("closed.json", closed)):
        command = ["sh", "-c", f'exec "$@" {how}', "sh", *validate, name]
        done = subprocess.run(command, cwd=submission, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    assert (submission / "open.json").read_text() == (submission / "closed.json").read_text()


def test_a_function_that_tells_its_progress_needs_no_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert [*progress(range(3), 3, "count")] == [0, 1, 2]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_no_space_for_a_temporary_file_is_told_in_a_line(capsys):
    def write():
        with open("/dev/full", "wb", buffering=0) as file:
            file.write(b"x")

    assert exit_status_of(write) == 1
    assert capsys.readouterr().err == f"error: {NO_SPACE}\n"


@pytest.mark.parametrize(
    "what",
    [
        "unable to allocate shared memory(shm) for file </torch_1_2>: No space left on device (28)",
        "unable to write to file </torch_1_2_3>: No space left on device (28)",
        "unable to resize file </torch_1_2_3> to the right size: File too large (27)",
        "DataLoader worker (pid 1) is killed by signal: Bus error. It is possible that "
        "dataloader's workers are out of shared memory. Please try to raise your shared memory "
        "limit.",
    ],
)
def test_full_shared_memory_is_told_with_its_remedy(capsys, what):
    """As torch says it of /dev/shm, which has 64 MB in a container."""

    def share():
        raise RuntimeError(what)

    assert exit_status_of(share) == 1
    assert capsys.readouterr().err == f"error: {FULL_SHARED_MEMORY}\n"


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("unbound_buffer.cc:78] Timed out waiting 1800000ms for recv operation", TOO_LONG_APART),
        ("pair.cc:553] Connection closed by peer [127.0.0.1]:61605. This is", LOST_PROCESS),
    ],
)
def test_processes_that_were_stopped_for_long_are_told_from_a_lost_one(capsys, what, line):
    assert exit_status_of(lambda: fail(RuntimeError(f"[/gloo/transport/tcp/{what}"))) == 1
    assert capsys.readouterr().err == f"error: {line}\n"


def open_one_too_many():
    before, free = resource.getrlimit(resource.RLIMIT_NOFILE), os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        multiprocessing.Pipe()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def fail(error):
    raise error


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (open_one_too_many, NO_MORE_ALLOWED),
        (
            lambda: fail(OSError("Caught OSError ... [Errno 24] Too many open files")),
            NO_MORE_ALLOWED,
        ),
        (lambda: fail(BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))), NO_MORE_ALLOWED),
        (lambda: fail(RuntimeError("can't start new thread")), NO_MORE_ALLOWED),
        (lambda: fail(ImportError("x.so: failed to map segment from shared object")), FULL_MEMORY),
    ],
)
def test_a_limit_of_the_system_is_told_with_its_remedy(capsys, call, line):
    assert exit_status_of(call) == 1
    assert capsys.readouterr().err == f"error: {line}\n"


# Meets a limit of the system's, which holds for whoever is not root.
LIMITED = """
import os, resource, sys, threading
import numpy, torch
from iscqk.runtime.shutdown import exit_status_of
from iscqk.runtime.workers import parallel_map
[*parallel_map(abs, [1, 2], 2, 1)]  # imports what nobody may read
if not os.geteuid():
    os.setresuid(65534, 65534, 65534)
work = {
    "python": lambda: bytearray(2**30),
    "numpy": lambda: numpy.ones(2**30, numpy.uint8),
    "torch": lambda: torch.ones(2**30, dtype=torch.uint8),
    "thread": lambda: threading.Thread(target=print).start(),
    "workers": lambda: [*parallel_map(abs, [1, 2], 2, 1)],
}[sys.argv[1]]
if sys.argv[1] in ("thread", "workers"):
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
else:
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))
sys.exit(exit_status_of(work))
"""


@NO_PROC
@pytest.mark.parametrize(
    ("work", "line"),
    [
        *[(name, FULL_MEMORY) for name in ("python", "numpy", "torch")],
        *[(name, NO_MORE_ALLOWED) for name in ("thread", "workers")],
    ],
)
def test_a_limit_on_memory_and_processes_that_is_met_is_told_in_a_line(work, line):
    """As `ulimit -v` and `-u` set them."""
    command = [sys.executable, "-c", LIMITED, work]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"error: {line}\n")


def test_a_worker_that_cannot_hand_over_what_it_reads_is_not_waited_for(found):
    case = found["load, at a limit of open files"]
    assert case["printed"] == [f"error: {NO_MORE_ALLOWED}", f"error: {LOST_WORKER}"]
    assert case["status"] == 1 and not case["alive"]


def test_a_mistake_of_the_program_keeps_its_traceback():
    with pytest.raises(KeyError):
        exit_status_of(lambda: {}["a"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
@pytest.mark.parametrize("arguments", SPEAKING, ids=str)
def test_an_output_that_is_full_is_told_in_a_line(printing, arguments):
    with open("/dev/full", "w") as full:
        done = printing(*arguments, stdout=full, stderr=subprocess.PIPE)
    *problems, line = done.stderr.splitlines()
    assert line.startswith("error: standard output cannot be written (No space left on device);")
    assert done.returncode == 1 and not [p for p in problems if "Traceback" in p]


def test_a_log_that_nobody_takes_ends_no_work(tmp_path):
    script = """
import logging
from iscqk.runtime import logs, shutdown
def work():
    logs.set_up_logging()
    for number in range(3):
        logging.info("%d", number)
    print("done")
raise SystemExit(shutdown.exit_status_of(work))
"""
    command = [sys.executable, "-c", script]
    streams = {"stdout": subprocess.PIPE, "stderr": without_reader()}
    done = subprocess.run(command, text=True, **streams)
    assert done.stdout == "done\n"


def test_a_command_that_leaves_has_done_what_was_to_be_done_at_its_end(tmp_path):
    program = (
        "import atexit, sys; from iscqk.runtime.shutdown import leave\n"
        "class Whole:\n"
        "    def __del__(self): print('taken apart')\n"
        "kept = Whole(); atexit.register(print, 'registered')\n"
        "print('printed', end=' '); print('told', end=' ', file=sys.stderr); leave(3)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "printed registered\n", "told ")


def test_a_command_whose_reader_is_gone_leaves_quietly():
    program = "import os, sys; from iscqk.runtime.shutdown import leave\nprint('x'); leave(0)"
    read, write = os.pipe()
    os.close(read)
    command, buffered = [sys.executable, "-c", program], {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, env=buffered)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_pythons_own_word_for_a_full_memory_is_told_in_a_line(capsys):
    assert exit_status_of(lambda: bytes(2**62)) == 1
    assert capsys.readouterr().err == f"error: {FULL_MEMORY}\n"


def test_a_worker_that_is_lost_as_it_passes_a_file_on_is_told(capsys):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x" * 8)  # and no file with it
        assert exit_status_of(lambda: recvfds(ours, 1)) == 1
    assert capsys.readouterr().err == f"error: {LOST_WORKER}\n"


def test_so_is_full_shared_memory_that_python_meets(capsys):
    """A lock between processes lies there, too; the system's error names no file."""
    source = "import os\ndef lock(*_): raise OSError(28, os.strerror(28))"
    exec(source, there := {"__name__": "multiprocessing.synchronize"})
    assert exit_status_of(there["lock"]) == 1
    assert capsys.readouterr().err == f"error: {FULL_SHARED_MEMORY}\n"
