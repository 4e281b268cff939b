#!/usr/bin/env python3
"""A cluster without a shared disk, of this one machine: every job starts in an empty folder.

    JOBS=FOLDER empty_folders.py submit JOBSCRIPT    # prints the job's name
    JOBS=FOLDER empty_folders.py status NAME         # running, success or failed
    JOBS=FOLDER empty_folders.py NAME...             # ends jobs

A job has the environment of who submits it, which is to hold the installed package and the
credentials. Of its own files only what it printed is kept. FOLDER/kill names a rule, whose next job
is killed, as by a machine that goes away, and in the next line what its command tells before.
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
from collections.abc import Mapping
from pathlib import Path

JOBS = Path(os.environ["JOBS"])
LOGS = ".snakemake/storage/**/logs/**/*.log"  # of commands, below the job's folder


def submit(script: str) -> None:
    """Start a job and go."""
    text = Path(script).read_text()
    properties = json.loads(re.search(r"^# properties = (.+)$", text, re.M)[1])
    print(start(properties.get("rule", "group"), text, os.environ))


def start(rule: str, script: str, environment: Mapping[str, str]) -> str:
    """Start a job with an environment of its own; return its name, which begins with its rule."""
    place = Path(tempfile.mkdtemp(dir=JOBS, prefix=f"{rule}-"))
    (place / "script").write_text(script)
    (place / "empty").mkdir()
    with open(place / "log", "wb") as log:
        subprocess.Popen(
            [sys.executable, __file__, "run", place], env={**environment, "JOBS": str(JOBS)},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    return place.name


def run(place: Path) -> None:
    """Run a job in its folder, remove this and write its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = place / "empty"
    (place / "pid").write_text(str(os.getpid()))
    job = subprocess.Popen(["bash", place / "script"], cwd=folder, start_new_session=True)
    try:
        if (told := killed_after(place)) is not None:
            while job.poll() is None and not any(
                told in log.read_text() for log in folder.glob(LOGS)
            ):
                time.sleep(0.02)
            end(job)
        code = job.wait()
    finally:
        end(job)
    shutil.rmtree(folder)
    (place / "code").write_text(str(code))


def killed_after(place: Path) -> str | None:
    """Return what a job tells before it is killed; None of another job, and of all later ones."""
    wanted = JOBS / "kill"
    if not wanted.exists():
        return None
    rule, told = wanted.read_text().splitlines()
    if place.name.rpartition("-")[0] != rule:
        return None
    wanted.unlink()
    return told


def end(job: "subprocess.Popen[bytes]") -> None:
    """Kill a job with all that it started."""
    try:
        os.killpg(job.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def code_of(name: str) -> int | None:
    """Return a job's exit code; None while it runs."""
    code = JOBS / name / "code"
    return int(code.read_text()) if code.exists() else None


def cancel(*names: str) -> None:
    """End jobs."""
    for name in names:
        os.kill(int((JOBS / name / "pid").read_text()), signal.SIGTERM)


def main(command: str, *arguments: str) -> None:
    """Do what the command line says."""
    if command == "submit":
        submit(*arguments)
    elif command == "run":
        run(Path(*arguments))
    elif command == "status":
        print({None: "running", 0: "success"}.get(code_of(*arguments), "failed"))
    else:
        cancel(command, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
