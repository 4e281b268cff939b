"""Run the workflow, end some of its processes at a random moment, look at what is left."""

import csv
import io
import os
import random
import shutil
import signal
import subprocess
import time

import psutil

# What tells of a run and not of its result: logs, times, states to resume from.
TRANSIENT = ("logs", "usage", "resume")
TIMES = ("images_per_second", "data_wait", "seconds")  # columns of history.csv
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# A loader's workers look every 5 s whether their parent lives; machines may be busy.
PATIENCE = 120


def moments():
    """Return a source of random moments, another in every run; ISCQK_SEED fixes it."""
    seed = int(os.environ.get("ISCQK_SEED", random.randrange(10**6)))
    print(f"ISCQK_SEED={seed}")  # pytest shows it where the test fails
    return random.Random(seed)


def results(project):
    """Return the content of every result file by its name, temporary ones left out."""
    root = project.folder / "results"
    return {
        str(path.relative_to(root)): untimed(path)
        for path in root.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.relative_to(root).parts[0] not in TRANSIENT
    }


def untimed(path):
    """Return a file's bytes; of a training's history all columns but those that hold times."""
    if path.name != "history.csv":
        return path.read_bytes()
    rows = csv.DictReader(io.StringIO(path.read_text()))
    return [{name: row[name] for name in row if name not in TIMES} for row in rows]


def left_over(project):
    """Return temporary files and folders among the results."""
    root = project.folder / "results"
    return [str(path) for name in (".*.part*", ".tmp*") for path in root.rglob(name)]


def wait_until(condition, seconds=60):
    """Wait until a condition holds, for so long at most."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


def heed_ctrl_c():
    """Take SIGINT as a command in a terminal does; a shell's background job ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Killer:
    """Starts a command again and again; `tally` counts the kills by signal and by whom it met."""

    def __init__(self, project, command, expected, source):
        self.project, self.command, self.expected = project, command, expected
        self.random, self.tally = source, {}

    @property
    def kills(self):
        """How many runs were ended."""
        return sum(self.tally.values())

    def run(self, longest, signals=SIGNALS, whom=("all", "one")):
        """Run the command, killed after up to `longest` seconds; return whether it was done before.

        What stands under a final name afterwards is whole, no process is left, no bug was met.
        """
        after = self.random.uniform(0, longest)
        number, met = self.random.choice(signals), self.random.choice(whom)
        running = self._start()
        try:
            assert running.wait(after) == 0, f"ended by itself: {self._output()}"
            self._check("a run that was left alone", tidy=True)
            return True
        except subprocess.TimeoutExpired:
            self._kill(running, number, met)
        what = f"{number.name} to {met}"
        self.tally[what] = self.tally.get(what, 0) + 1
        done = running.wait(PATIENCE * 5) == 0  # the signal may have met what was over anyway
        self._wait_for_end(running.pid, what)
        # What a killed process leaves alone may say so.
        self._check(what, tidy=number != signal.SIGKILL)
        return done

    def _start(self):
        with open(self.project.folder / "output.txt", "w") as output:
            return subprocess.Popen(
                f"exec {self.command}",  # or a kill might meet a shell that nobody waits for
                shell=True,
                cwd=self.project.folder,
                env=self.project.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=heed_ctrl_c,
            )

    def _output(self):
        return (self.project.folder / "output.txt").read_text()[-3000:]

    def _kill(self, running, number, met):
        if met == "all":
            os.killpg(running.pid, number)
            return
        try:
            self.random.choice(session(running.pid) or [running]).send_signal(number)
        except psutil.NoSuchProcess:
            pass  # ended just now

    def _wait_for_end(self, pid, what):
        end = time.monotonic() + PATIENCE
        while (left := session(pid)) and time.monotonic() < end:
            time.sleep(0.2)
        assert not left, f"after {what} there are {left}"

    def _check(self, what, tidy):
        where = f"kill {self.kills}, {what}"
        for name, content in results(self.project).items():
            assert content == self.expected[name], f"{name} is not whole after {where}"
        logs = self.project.folder / "results/logs"
        for log in logs.rglob("*.log") if tidy else []:
            text = log.read_text()
            # Python itself, before any of our code runs, ends with a traceback on SIGINT.
            assert "Traceback" not in text or text.rstrip().endswith("KeyboardInterrupt"), (
                f"{log} after {where}: {text[-3000:]}"
            )
        shutil.rmtree(logs, ignore_errors=True)


def session(pid):
    """Return the living processes of a session."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, ProcessLookupError):
            pass
    return found
