"""What a user reads of the real workflow: a line a job, the last lines, the right targets.

How it moves in a terminal is in tests/terminal.
"""

import re
import shutil

import pytest

from conftest import ROOT

CONFIGURED = "--configfile config.yaml tiny.yaml"
NEXT = f"next: snakemake report --cores {CONFIGURED}  # a page of it all"
OTHER = """\
import sys
from snakemake_interface_logger_plugins.base import LogHandlerBase

class LogHandler(LogHandlerBase):
    writes_to_stream, writes_to_file = True, False
    has_filter = has_formatter = needs_rulegraph = False

    def emit(self, record):
        print("other:", self.format(record), file=sys.stderr)
"""


def last_lines(told):
    """Return the lines from the first phase on, without the time that it took."""
    lines = told.splitlines()
    return [line for line in lines[lines.index("phase 1:") :] if not line.startswith("took ")]


def own_log(project, rank):
    """Return Snakemake's own log of the project's run of a rank."""
    return sorted((project.folder / ".snakemake/log").iterdir())[rank].read_text()


def test_a_run_is_told_in_a_line_a_job(finished):
    lines = finished.told.splitlines()
    jobs = [line for line in lines if re.match(r" +\d+:\d\d +\d+%  ", line)]
    own = own_log(finished, 0)
    ran = re.findall(r"^(?:local)?rule (\w+):$", own, re.MULTILINE)
    assert len(jobs) == len([rule for rule in ran if rule != "all"]) > 30
    assert lines.index("iscqk demo") + 1 == lines.index(jobs[0])
    words = [line.split("%  ")[1] for line in jobs]
    for told in (
        "draw the demo's images",
        "make edited copies of 64 training images (part 1 of 2) for round 1",
        "train side q, round 1 of 1",
        "describe 20 queries of phase 2 by side q, after round 1",
        "score phase 2, ranked by log-partition",
        "put the submission of phase 2 together",
    ):
        assert words.count(told) == 1, told
    shares = [int(re.search(r"(\d+)%", line)[1]) for line in jobs]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] > 90
    assert own.rstrip().splitlines()[-3].startswith("next: ")


def test_the_default_run_is_told_in_at_most_sixty_lines(finished, tmp_path):
    """It has as many jobs as the tiny one without shards, however many images there are."""
    (tmp_path / "whole.yaml").write_text("shards: {training: 1, references: 1}\n")
    command = f"snakemake submission_phase2 --forceall -n {CONFIGURED} {tmp_path}/whole.yaml"
    planned = finished.run(command).stdout
    jobs = int(re.search(r"^total +(\d+)$", planned, re.MULTILINE)[1])
    around = len(finished.told.splitlines()) - len(re.findall(r"^ +\d.*%  ", finished.told, re.M))
    # A job of minutes has a line for every tenth of its work and minute: the default has eight.
    assert jobs + around + 8 <= 60


def test_the_last_lines_are_the_score_the_file_and_the_next_command(finished):
    last = last_lines(finished.told)
    assert len(last) == 7 and last[-1] == NEXT
    for phase, (heading, score, grader) in enumerate([last[:3], last[3:6]], 1):
        assert heading == f"phase {phase}:"
        assert re.fullmatch(r"  submitted +micro-AP 0\.\d{4}, recall at P90 [01]\.\d{4}", score)
        path = f"results/submission_phase{phase}/descriptors.h5"
        size = (finished.folder / path).stat().st_size / 1000
        assert grader == f"  for the grader  {path} ({size:.3g} kB, valid)"
    took = [line for line in finished.told.splitlines() if line.startswith("took ")]
    assert re.fullmatch(r"took .*\d s; logs: results/logs, \.snakemake/log/\S+\.log", took[0])


def test_a_second_run_ends_in_the_same_lines(finished):
    again = finished.run(f"snakemake all --cores {CONFIGURED}").stderr
    assert "Nothing to be done" in again
    assert last_lines(again) == last_lines(finished.told)
    assert NEXT in own_log(finished, -1)


def test_a_submission_that_a_run_does_not_come_to_is_told_as_one_of_before(finished):
    told = finished.run(f"snakemake all --cores --until search {CONFIGURED}").stderr
    lines = told.splitlines()[-3:]
    assert [line.split(" is of before, ")[0] for line in lines] == [
        "phase 1           results/submission_phase1",
        "phase 2           results/submission_phase2",
        NEXT,
    ]


@pytest.mark.long
def test_results_of_which_nobody_knows_how_they_were_made_are_told(finished_copy):
    """As in a container of which only the results are kept; no submission is made of others'."""
    everything = f"snakemake all --cores {CONFIGURED}"
    of_another_seed = f"{everything} --config seed=5"
    shutil.rmtree(finished_copy.folder / ".snakemake")
    warned = r"^warning: \.snakemake does not say how (\d+) files were made: they are kept"
    kept = finished_copy.run(of_another_seed).stderr
    assert "Nothing to be done" in kept and int(re.search(warned, kept, re.M)[1]) > 30
    provenance = finished_copy.folder / "results/submission_phase2/provenance.json"
    provenance.unlink()
    assert re.search(warned, finished_copy.run(everything).stderr, re.M)
    marked = finished_copy.run(f"{everything} --touch --forceall").stderr
    assert re.search(r"^iscqk demo\nmarked \d+ files as up to date\n\Z", marked, re.M)
    known = finished_copy.run(everything).stderr
    assert "Nothing to be done" in known and not re.search(warned, known, re.M)
    shutil.rmtree(finished_copy.folder / ".snakemake")
    provenance.unlink()
    refused = finished_copy.run(of_another_seed, check=False).stderr
    assert re.search(warned, refused, re.M) and not provenance.exists()
    assert "made with seed 0, and the config says 5; make it again: --forcerun copies" in refused


def test_the_page_shows_a_run_as_it_is(project):
    """Recorded, as it takes minutes: it has as many jobs as the default has today."""
    page = (ROOT / "docs/reference/terminal.md").read_text()
    runs = [text.splitlines() for text in re.findall(r"^```text\n(.*?)^```$", page, re.M | re.S)]
    told = project.run("snakemake submission_phase2 --dry-run").stdout
    planned = int(re.search(r"^total +(\d+)$", told, re.MULTILINE)[1])
    jobs = [line for line in runs[0] if re.match(r" +\d+:\d\d +\d+%  [^:]+$", line)]
    assert len(jobs) + 1 == planned and len(runs[0]) <= 60
    first, second = (run[run.index("phase 2:") :] for run in runs)
    assert [line for line in first if not line.startswith("took ")] == second
    assert re.match(r"  submitted +micro-AP 0\.\d{4}, recall at P90 [01]\.\d{4}$", first[1])
    assert re.match(r"  for the grader  results/submission_phase2/descriptors.h5 ", first[2])
    assert first[-1].startswith("next: snakemake report --cores")


@pytest.mark.long
def test_another_logger_takes_its_place(finished_copy):
    plugin = finished_copy.folder / "src/snakemake_logger_plugin_other/__init__.py"
    plugin.parent.mkdir()
    plugin.write_text(OTHER)
    told = finished_copy.run(f"snakemake all {CONFIGURED} --logger other --cores").stderr
    assert "other: Nothing to be done" in told and NEXT in told
    quiet = finished_copy.run(f"snakemake all {CONFIGURED} --cores --quiet all").stderr
    assert all(line.startswith("Using") for line in quiet.splitlines())


@pytest.mark.parametrize("options", ["--cores", "--dry-run"])
def test_a_wrong_target_is_told_the_right_ones(project, options):
    done = project.run(f"snakemake submision_phase2 {options}", check=False)
    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert "No rule to produce submision_phase2" in told
    line = next(line for line in told.splitlines() if line.startswith("The targets are "))
    assert line.startswith("The targets are all, submission_phase1, submission_phase2, ")
    assert " study, " in line
    assert line.endswith("did you mean submission_phase2?")
    assert " report, and files below results" in line and " submit" not in line
