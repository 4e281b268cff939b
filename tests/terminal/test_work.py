"""How far a job is by its log, and how far a run is by the time that its jobs take."""

import inspect
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iscqk.bench.independent import query_sets
from iscqk.formats.results import Results
from iscqk.images import copier
from iscqk.learning import training
from iscqk.terminal.account import Account
from iscqk.terminal.newest import newest, warnings_in
from iscqk.terminal.rules import RULES
from iscqk.terminal.screen import Job, Lines, Progress
from iscqk.terminal.work import Work, expected_seconds, measured_seconds

STAMP = "2026-11-28 07:11:49 INFO iscqk."
LINES = {
    "progress: embed, batches: 30 of 120, 33.5/s, 8 s left": (0.25, "33.5/s", 8),
    "learning.training: step 2 of 8: loss 4.676, positive 0.192, 11 images/s, "
    "0.2 % of the time waiting for images, 9 s left": (0.25, "11 images/s", 9),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_the_newest_line_that_tells_counts(tmp_path, line):
    log = tmp_path / "job.log"
    log.write_text(
        f"{STAMP}progress: x: 1 of 120, 1.0/s, 119 s left\n{STAMP}{line}\n{STAMP}other: said\n"
    )
    share, rate, left, _ = newest(str(log))
    assert (share, rate, left) == (
        pytest.approx(LINES[line][0], abs=0.02),
        LINES[line][1],
        pytest.approx(LINES[line][2], abs=1),
    )


def test_between_two_lines_a_job_goes_on_at_its_rate(tmp_path):
    log = tmp_path / "job.log"
    log.write_text(f"{STAMP}progress: x: 50 of 100, 1.0/s, 50 s left\n")
    os.utime(log, (time.time() - 25,) * 2)
    assert newest(str(log)).share == pytest.approx(0.75, abs=0.02)
    os.utime(log, (time.time() - 5000,) * 2)  # it hangs, or is slower: never told as done
    assert newest(str(log)).share == pytest.approx(0.95) and newest(str(log)).left == 0


def test_a_log_that_was_written_before_a_job_began_tells_nothing_of_it(tmp_path):
    log = tmp_path / "job.log"
    log.write_text(f"{STAMP}progress: x: 50 of 100, 1.0/s, 50 s left\n")
    assert newest(str(log), begun=time.time() - 60).rate == "1.0/s"
    assert newest(str(log), begun=time.time() + 60) is None


EMBED = f"{STAMP}progress: embed, batches: 60 of 120, 4.0/s, 15 s left\n"
TRAIN = f"{STAMP}progress: train, steps: 20 of 80, 2.0/s, 30 s left\n"


def test_the_bank_of_a_training_is_told_as_such_and_is_no_part_of_its_steps(tmp_path):
    log, told = tmp_path / "job.log", io.StringIO()
    screen, progress = Lines(told), Progress(100, 0.5, None)
    job = Job("learn", "train by solo", [str(log)], RULES["learn"].part, begun=0)
    for text in (EMBED, TRAIN, EMBED):
        log.write_text(text)
        job.told = (*job.told[:2], 0)  # a minute ago
        screen.moved([job], progress)
        assert job.share_at(job.newest) == (0 if text is EMBED else pytest.approx(0.25, abs=0.02))
    lines = [line.split("%  ")[1] for line in told.getvalue().splitlines()]
    bank, steps = r"train by solo \(embed, batches\): 5\d%, 4.0/s", r"train by solo: 2\d%, 2.0/s"
    for line, wanted in zip(lines, (bank, steps, bank), strict=True):
        assert re.match(wanted, line)


def test_what_a_job_logs_is_called_as_the_table_says():
    logged = "".join(map(inspect.getsource, (training, copier, query_sets)))
    assert all(f'"{r.part}"' in logged for r in RULES.values() if r.part) and RULES["learn"].part


def test_what_iscqk_logs_is_understood(tmp_path):
    script = """
import time
from iscqk.runtime.logs import progress, set_up_logging
import logging
set_up_logging()
logging.getLogger("iscqk.stages.score").warning("no prediction counts")
for number in progress(iter(range(4)), 4, "count", every_seconds=0.05):
    time.sleep(0.1)
"""
    log = tmp_path / "job.log"
    with open(log, "w") as file:
        subprocess.run([sys.executable, "-c", script], stderr=file, check=True)
    assert newest(str(log)).share >= 0.75
    assert warnings_in(str(log)) == ["no prediction counts"]


def test_a_warning_cannot_move_the_cursor(tmp_path):
    (tmp_path / "job.log").write_text("2026-11-28 07:11:49 WARNING x: \x1b[2Jimage.jpg\n")
    assert warnings_in(str(tmp_path / "job.log")) == ["\\x1b[2Jimage.jpg"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"5 of 7 images, nothing else\n", None])
def test_a_log_that_does_not_tell_is_none(tmp_path, content):
    if content is not None:
        (tmp_path / "job.log").write_bytes(content)
    assert newest(str(tmp_path / "job.log")) is None
    assert warnings_in(str(tmp_path / "job.log")) == []


def test_a_run_is_weighted_by_time():
    work = Work({"draw": 1, "train_q": 2}, {"draw": 10.0, "train_q": 45.0})
    assert work.share() == 0
    work.finish("draw")
    assert work.share() == pytest.approx(0.1)
    assert work.share([("train_q", 0.5, 1.0)]) == pytest.approx(0.325)
    assert work.left(13) == pytest.approx(27)
    assert work.share([("train_q", None, 9.0)]) == pytest.approx(0.325)  # it never falls
    assert work.share([("train_q", None, 1e6)]) == pytest.approx(0.1 + 0.45 * 0.9)
    work.finish("train_q")
    work.finish("train_q")
    assert work.share() == 1 and work.left(100) == 0


def test_a_run_of_many_short_jobs_ends_at_all_of_it():
    work = Work({"score": 10}, {"score": 0.1})
    for _ in range(10):
        assert work.share() < 1
        work.finish("score")
    assert work.share() == 1  # the sum of ten tenths is a little less


def test_earlier_runs_tell_how_long_jobs_take(tmp_path):
    results = Results(str(tmp_path))
    for job, seconds in {"draw": 120, "qk-0/train-round1-q": 30, "qk-0/train-round1-k": 50}.items():
        path = Path(results.usage(job))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:{seconds}\t1\n")
    (tmp_path / "usage/broken.tsv").write_text("\x00")
    measured = measured_seconds(results)
    assert measured == {"draw": 120, "train": 40}
    expected = expected_seconds(["draw", "train_q", "train_k", "score"], measured)
    assert expected["draw"] == 120 and expected["train_q"] == expected["train_k"] == 40
    typical = expected_seconds(["draw", "score"], {})
    # A machine that is as much slower where it was measured is so elsewhere.
    slower = expected_seconds(["score"], {"draw": 2 * typical["draw"]})
    assert slower["score"] == pytest.approx(2 * typical["score"])


def test_a_run_takes_no_less_than_a_job_of_it_says(tmp_path):
    """A training that goes on says in its first second that nine tenths of it are done."""
    log = tmp_path / "learn.log"
    log.write_text(f"{STAMP}progress: train, steps: 540 of 600, 0.2/s, 300 s left\n")
    account = Account(screen=None, plainly=print, logs=False)
    account._work = Work({"learn": 1}, {"learn": 3000.0})
    account._running = {1: Job("learn", "learn", [str(log)], "", time.time() - 10)}
    account._start -= 10
    progress = account._progress()
    assert progress.share > 0.89 and progress.left > 250
