#!/usr/bin/env python3
"""A cluster without a shared disk, of this one machine: every job starts in an empty folder.

    JOBS=FOLDER empty_folders.py submit JOBSCRIPT    # prints the job's name
    JOBS=FOLDER empty_folders.py status NAME         # running, success or failed
    JOBS=FOLDER empty_folders.py NAME...             # ends jobs

A job has the environment of who submits it, which is to hold the installed package and the
credentials. Of its own files only what it printed is kept. A rule named in FOLDER/kill has its next
job killed, as by a machine that goes away, once its input has arrived.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOBS = Path(os.environ["JOBS"])
FETCHED = ".snakemake/storage"  # below the job's folder


def submit(script: str) -> None:
    """Start a job and go."""
    properties = json.loads(re.search(r"^# properties = (.+)$", Path(script).read_text(), re.M)[1])
    place = Path(tempfile.mkdtemp(dir=JOBS, prefix=f"{properties.get('rule', 'group')}-"))
    shutil.copy(script, place / "script")
    (place / "empty").mkdir()
    with open(place / "log", "wb") as log:
        subprocess.Popen(
            [sys.executable, __file__, "run", place],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    print(place.name)


def run(place: Path) -> None:
    """Run a job in its folder, remove this and write its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = place / "empty"
    (place / "pid").write_text(str(os.getpid()))
    job = subprocess.Popen(["bash", place / "script"], cwd=folder, start_new_session=True)
    try:
        if is_to_be_killed(place):
            while job.poll() is None and not any((folder / FETCHED).glob("**/*.*")):
                time.sleep(0.05)
            end(job)
        code = job.wait()
    finally:
        end(job)
    shutil.rmtree(folder)
    (place / "code").write_text(str(code))


def is_to_be_killed(place: Path) -> bool:
    """Return whether this job is the one, which no later one is."""
    wanted = JOBS / "kill"
    if not wanted.exists() or place.name.rpartition("-")[0] != wanted.read_text():
        return False
    wanted.unlink()
    return True


def end(job: "subprocess.Popen[bytes]") -> None:
    """Kill a job with all that it started."""
    try:
        os.killpg(job.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def status(name: str) -> None:
    """Print how a job is."""
    code = JOBS / name / "code"
    print("running" if not code.exists() else "success" if code.read_text() == "0" else "failed")


def cancel(*names: str) -> None:
    """End jobs."""
    for name in names:
        os.kill(int((JOBS / name / "pid").read_text()), signal.SIGTERM)


if __name__ == "__main__":
    commands = {"submit": submit, "status": status, "run": lambda place: run(Path(place))}
    if sys.argv[1] in commands:
        commands[sys.argv[1]](*sys.argv[2:])
    else:
        cancel(*sys.argv[1:])
