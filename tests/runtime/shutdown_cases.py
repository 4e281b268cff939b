"""Stages that are ended from outside, each in a process of its own.

`python shutdown_cases.py FOLDER [CASE ...]` prints as JSON for every case the exit status, what was
printed, what is left of temporary files and how many processes of its session are left. Everything
is imported once and then forked. Cases mostly wait: four run at a time, each in its own folder.
"""

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import psutil
import torch
from torch.utils.data import Dataset

from iscqk.formats.files import atomic_file, atomic_folder
from iscqk.images.opening import BadImage
from iscqk.learning.loaders import Loader
from iscqk.runtime import following, last_read, shutdown, workers
from killing import wait_until

FOLDER = ALL = Path(sys.argv[1])  # the first becomes that of the case that runs
AT_A_TIME = 4


class Slow(Dataset):
    """Items that take some time, or for ever."""

    def __init__(self, seconds, fault=None):
        self.seconds, self.fault = seconds, fault

    def __len__(self):
        return 10**6

    def __getitem__(self, index):
        time.sleep(self.seconds)
        if index == self.fault:
            raise BadImage.of(f"item {index}", "damaged")
        return torch.zeros(3)


def load(seconds=0.01, fault=None):
    """Read by two workers, with a file being written."""
    with atomic_file(FOLDER / "loaded.txt") as temporary:
        for batch in Loader(Slow(seconds, fault), [[i, i + 1] for i in range(10**4)], 2):
            temporary.write_text(str(batch.sum()))
            (FOLDER / "ready").touch()


def wait(seconds):
    time.sleep(seconds)
    return seconds


def pool(seconds=0.01):
    """Compute in two workers, with a folder being filled."""
    with atomic_folder(FOLDER / "filled") as temporary:
        for number, _ in enumerate(workers.parallel_map(wait, [seconds] * 10**5, 2, 4)):
            (temporary / f"{number}.jpg").touch()
            (FOLDER / "ready").touch()


def hang(command):
    """Hang after the limit was lowered; there is no result to wait for."""
    shutdown.PATIENCE_SECONDS = 2
    (FOLDER / "ready").touch()
    command(seconds=1000)


def slow():
    """Read whole batches for longer than the limit, but no image of them."""
    shutdown.PATIENCE_SECONDS = 2
    (FOLDER / "ready").touch()
    assert len([*workers.parallel_map(wait, [0.1] * 60, 2, 30)]) == 60
    assert len([*Loader(Slow(0.1), [[*range(30)]] * 2, 2)]) == 2


def suspended(command):
    """Wait in all with a limit that is shorter than the time for which `suspend` stops them."""
    shutdown.PATIENCE_SECONDS, last_read._SLICE_SECONDS = 3, 0.2
    assert len([*command()]) == 4


def until_resumed(number):
    (FOLDER / "ready").touch()
    wait_until((FOLDER / "resumed").exists)
    return torch.zeros(3)


class UntilResumed(Slow):
    """Items that are there once the process was suspended."""

    def __getitem__(self, index):
        return until_resumed(index)


class AtALimit(Slow):
    """Items that their worker can put where processes share them, and not name to another."""

    def __getitem__(self, index):
        (FOLDER / "ready").touch()
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, free + 1))
        return torch.zeros(3)


def follow(waits=True):
    """Go on until the followed process ends, which stays as a zombie where nobody waits for it."""
    followed = os.fork()
    if not followed:
        time.sleep(1)
        os._exit(0)
    following.end_with_process(followed)
    (FOLDER / "ready").touch()
    if waits:
        os.waitpid(followed, 0)
    time.sleep(60)


def to_all(process, number):
    os.killpg(process.pid, number)


def to_main(process, number):
    process.send_signal(number)


def to_a_worker(process, number):
    process.children()[0].send_signal(number)


def suspend(process, number):
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(4)
    os.killpg(process.pid, signal.SIGCONT)
    time.sleep(0.5)
    (FOLDER / "resumed").touch()


def to_nobody(process, number):
    pass


# What runs, who is sent a signal, and which.
CASES = {
    f"{name}, {signal.Signals(number).name} {whom.__name__}": (command, whom, number)
    for name, command in {"load": load, "pool": pool}.items()
    for whom, number in [
        (to_all, signal.SIGTERM), (to_all, signal.SIGINT), (to_main, signal.SIGTERM),
        (to_main, signal.SIGINT), (to_main, signal.SIGKILL), (to_a_worker, signal.SIGKILL),
        (to_a_worker, signal.SIGTERM),
    ]
}  # fmt: skip
CASES["load, hanging"] = (lambda: hang(load), to_nobody, 0)
CASES["pool, hanging"] = (lambda: hang(pool), to_nobody, 0)
CASES["slow"] = (slow, to_nobody, 0)
CASES["load, suspended"] = (
    lambda: suspended(lambda: Loader(UntilResumed(0), [[n] for n in range(4)], 2)),
    *(suspend, 0),
)
CASES["pool, suspended"] = (
    lambda: suspended(lambda: workers.parallel_map(until_resumed, range(4), 2, 1)),
    *(suspend, 0),
)
CASES["load, a fault in a worker"] = (lambda: load(fault=7), to_nobody, 0)
CASES["load, at a limit of open files"] = (
    lambda: [*Loader(AtALimit(0), [[0], [1]], 1)],
    *(to_nobody, 0),
)
CASES["followed"] = (follow, to_nobody, 0)
if Path("/proc/self/stat").exists():
    CASES["followed, a zombie"] = (lambda: follow(waits=False), to_nobody, 0)


def start(command):
    """Return the process that runs a command in a session of its own."""
    pid = os.fork()
    if pid:
        return psutil.Process(pid)
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    os.dup2(os.open(FOLDER / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.exit(shutdown.exit_status_of(command))


def session(pid):
    """Return the living processes of a session."""
    found = []
    for process in psutil.process_iter():
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            found += [process.pid] if alive and os.getsid(process.pid) == pid else []
        except (psutil.NoSuchProcess, ProcessLookupError):
            pass
    return found


def outcome(name):
    global FOLDER
    FOLDER = ALL / name
    FOLDER.mkdir()
    command, whom, number = CASES[name]
    process = start(command)
    wait_until((FOLDER / "ready").exists)
    whom(process, number)
    wait_until(lambda: not session(process.pid))
    alive = session(process.pid)  # while nobody has waited for the process, which is a zombie
    status = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
    left = [path.name for path in FOLDER.glob(".*part*")]
    printed = (FOLDER / "output").read_text().splitlines()
    return {"status": status, "printed": printed, "left": left, "alive": alive}


if __name__ == "__main__":
    wanted = sys.argv[2:] or [*CASES]
    shares = {ALL / f"{number}.json": wanted[number::AT_A_TIME] for number in range(AT_A_TIME)}
    for file, names in shares.items():
        if os.fork() == 0:
            file.write_text(json.dumps({name: outcome(name) for name in names}))
            break
    else:
        assert not any(os.wait()[1] for _ in shares)
        found = [json.loads(file.read_text()) for file in shares]
        print(json.dumps({name: ended for share in found for name, ended in share.items()}))
