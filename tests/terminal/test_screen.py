"""The project's logger in a terminal, in a log, and where it leaves the telling to Snakemake.

The workflow is one of two jobs that take a second each; the project's own is in test_terminal.py.
"""

import io
import logging
import os
import pty
import re
import subprocess
import termios
from types import SimpleNamespace

import pytest

from conftest import ROOT, Project
from iscqk.terminal.account import Account
from iscqk.terminal.screen import Bars, Job, Lines, Progress
from snakemake_logger_plugin_iscqk import LogHandler

SNAKEFILE = """\
from snakemake.logging import logger
rule all:
    input: "first.txt", "good-second.txt"
rule initial:
    output: "first.txt"
    log: "first.log"
    shell: "python work.py 2>{log} && touch {output}"
rule warm_up:
    input: "first.txt"
    output: "{kind}-second.txt"
    log: "{kind}.log"
    shell: "python work.py {wildcards.kind} 2>{log} && touch {output}"
onstart:
    logger.info("a title")
onsuccess:
    logger.info("the last line")
"""
WORK = """\
import sys, time, logging
from iscqk.runtime.logs import progress, set_up_logging
set_up_logging()
for number in progress(range(24), 24, "train, steps", every_seconds=0.2):
    time.sleep(0.05)
logging.getLogger("iscqk.stages.x").warning("mind %s", sys.argv[1:])
sys.exit("error: no luck" if "bad" in sys.argv else 0)
"""


@pytest.fixture
def two_jobs(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "src").symlink_to(ROOT / "src")
    return Project(tmp_path)


def in_a_terminal(project, command, columns=80):
    """Return what a command writes to a terminal of so many columns."""
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, columns))
    streams = {"stdin": writer, "stdout": writer, "stderr": writer}
    environment = {**project.environment, "TERM": "xterm", "PYTHONUTF8": "1"}
    process = subprocess.Popen(command, shell=True, cwd=project.folder, env=environment, **streams)
    os.close(writer)
    shown = b""
    while True:
        try:
            shown += os.read(reader, 65536)
        except OSError:  # the other end is closed
            break
    assert process.wait() == 0, shown.decode()
    return shown.decode()


def remaining(shown):
    """Return the lines that a terminal shows in the end, of one that knows the two moves used."""
    lines, row = [""], 0
    for part in re.split("(\r?\n|\r|\x1b\\[A|\x1b\\[J|\x1b\\[\\d*m)", shown):
        if part in ("\n", "\r\n"):
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[A":
            row -= 1
        elif part == "\x1b[J":
            lines[row:] = [""]
        elif part != "\r" and not part.startswith("\x1b"):
            lines[row] += part
    return [line for line in lines if line]


class Recorded(io.StringIO):
    """What bars are drawn on, without a file behind it."""

    encoding = "utf-8"


def test_bar_and_number_say_the_same_of_every_share():
    """A number that is rounded up is not beside a bar that is not."""
    for thousandth in range(1001):
        line = Bars(Recorded())._line(1, thousandth / 1000, "words")
        bar, told = re.fullmatch(r" +0:01 \|(.{16})\| +(\d+)%  words", line).groups()
        assert bar.count("\u2588") == int(told) * 16 // 100


@pytest.mark.parametrize(("share", "told"), [(0.9949, 99), (0.9999, 99), (1.0, 100)])
def test_only_what_is_done_is_told_as_all(tmp_path, share, told):
    log, lines = tmp_path / "job.log", Recorded()
    log.write_text(f"progress: train: {10_000 * share:.0f} of 10000, 33.1/s, 0 s left\n")
    job, progress = Job("train_q", "train side q", [str(log)], begun=0), Progress(9, share, 1.0)
    job.told = ("", 0.0, 0.0)  # long ago
    Lines(lines).moved([job], progress)
    assert lines.getvalue() == f"   0:09 {told:4d}%  train side q: {told}%, 33.1/s, 0:00 left\n"
    assert f"| {told:3d}%  words" in Bars(lines)._line(9, share, "words")


def test_a_terminal_has_moving_bars_and_keeps_a_line_a_job(two_jobs):
    shown = in_a_terminal(two_jobs, "snakemake --cores 1 --logger iscqk")
    bars = re.findall(
        r"\|([^|\n]{16})\| +(\d+)%  train both sides, warm-up, [\d.]+/s, 0:0\d left", shown
    )
    assert len({share for _, share in bars}) >= 2  # it moves
    assert all(bar.count("\u2588") == int(share) * 16 // 100 for bar, share in bars)
    assert re.search(r"%  the whole run, 0:\d\d left", shown)
    assert max(len(line) for line in re.split("[\r\n]+|\x1b\\[[AJ]", shown)) < 80
    title, one, warning, two, another, last = remaining(shown)
    assert (title, last) == ("a title", "the last line")
    assert re.fullmatch(r" +0:0\d +\d+%  make the network to start from, 0:0\d", one)
    assert re.fullmatch(r" +0:0\d  100%  train both sides, warm-up, 0:0\d", two)
    assert (warning, another) == ("warning: mind []", "warning: mind ['good']")


def test_a_narrow_terminal_wraps_nothing(two_jobs):
    shown = in_a_terminal(two_jobs, "snakemake first.txt --cores 1 --logger iscqk", columns=40)
    bars = [part for part in re.split("[\r\n]+|\x1b\\[[AJ]", shown) if " |" in part]
    assert bars and max(map(len, bars)) < 40


def test_a_log_has_a_line_a_job_and_a_failure_in_full(two_jobs):
    done = two_jobs.run(
        "snakemake bad-second.txt --cores 1 --show-failed-logs --logger iscqk", check=False
    )
    assert done.returncode == 1 and "\x1b" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("20")]
    assert lines[0] == "a title" and "the last line" not in lines
    assert re.fullmatch(r" +0:0\d +0%  make the network to start from", lines[1])
    assert lines[2] == "warning: mind []"
    assert re.fullmatch(r" +0:0\d +3%  train both sides, warm-up", lines[3])
    told = "error: train both sides, warm-up: failed; its log: bad.log"
    assert lines.count(told) == 1 and "error: no luck" in lines
    assert "python work.py" not in done.stderr  # the command, which may be long
    assert any(line.startswith("Complete log(s): ") for line in lines)
    assert lines[-1] == "At least one job did not complete successfully."
    own = next((two_jobs.folder / ".snakemake/log").iterdir()).read_text()
    assert "CalledProcessError" in own and "python work.py bad" in own
    assert "rule initial:" in own and "2 of 2 steps" not in own  # Snakemake's own account


@pytest.mark.parametrize("only_marks", [True, False])
def test_where_files_are_only_marked_no_work_is_told(only_marks):
    told = Recorded()
    account = Account(Lines(told), lambda record: told.write(f"{record.msg}\n"), logs=False)
    account.only_marks = only_marks
    warned = "Output files not touched because they don't exist: first.txt"
    job = {"rule_name": "initial", "jobid": 1, "output": ["first.txt"], "log": [], "wildcards": {}}
    for message, level, more in (
        (None, logging.INFO, {"event": "job_info", **job}),
        (warned, logging.WARNING, {}),
        (None, logging.INFO, {"event": "job_finished", "job_id": 1}),
        ("the last line", logging.INFO, {}),
    ):
        account.tell(logging.makeLogRecord({"msg": message, "levelno": level, **more}))
    worked = "make the network to start from" in told.getvalue(), warned in told.getvalue()
    assert worked == (not only_marks, not only_marks)
    assert told.getvalue().endswith("the last line\n")


@pytest.mark.parametrize("asked", ["verbose", "quiet", "printshellcmds", "debug_dag", "dryrun"])
def test_where_snakemake_is_asked_for_its_own_account_it_gives_it(asked):
    names = ("verbose", "printshellcmds", "debug_dag", "dryrun", "nocolor", "show_failed_logs")
    settings = {**dict.fromkeys(names, False), "quiet": None, "stdout": False}
    assert LogHandler(SimpleNamespace(**settings), None).writes_to_stream
    settings[asked] = {"rules"} if asked == "quiet" else True
    assert not LogHandler(SimpleNamespace(**settings), None).writes_to_stream


@pytest.mark.parametrize("options", ["--dry-run", "--dag", "--summary"])
def test_what_runs_nothing_is_as_without_the_logger(two_jobs, options):
    command = f"snakemake good-second.txt {options}"
    own, ours = (two_jobs.run(command + more) for more in ("", " --logger iscqk"))
    for stream in ("stdout", "stderr"):
        texts = [
            re.sub(r"\[.* \d{4}\]|Workflow ID: .*|Date: .*|Command: .*", "", getattr(done, stream))
            for done in (own, ours)
        ]
        assert texts[0] == texts[1]
    assert own.stdout + own.stderr
