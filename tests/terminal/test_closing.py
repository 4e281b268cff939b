"""The last lines: scores beside yardsticks, the file for the grader, the next command."""

import asyncio
import json
import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from configs import configured
from conftest import ROOT
from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.results import Results
from iscqk.images.dataset_interface import Sources
from iscqk.plan.plan import Plan
from iscqk.plan.storage import Storage
from iscqk.runtime.storage import StoredFile
from iscqk.terminal.additions import Additions
from iscqk.terminal.closing import closing_lines

CONFIG = configured("from-nothing")
NEXT = "next: snakemake report --cores  # a page of it all"


def closing(plan, targets, options="", seconds=None, log="", storage="", current=None):
    """Return the last lines, here of a run with nothing to do and of no options."""
    return closing_lines(plan, targets, options, seconds, log, storage, current)


def write(path, content):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(content if isinstance(content, str) else json.dumps(content))


def score(path, micro_ap, recall):
    write(path, {"micro_ap": micro_ap, "recall_at_p90": recall})


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Return the default plan over results in which phase 2 is submitted."""
    monkeypatch.chdir(tmp_path)
    plan = Plan(CONFIG, Sources([], [], [], {}, {}), Results("results"))
    submission = plan.results.submission("phase2")
    score(submission.score, 0.39861, 0.31249)
    write(submission.descriptors, "x" * 1_234_567)
    digest = sha256_of(submission.descriptors)
    write(submission.validation, {"valid": True, "validated_sha256": digest})
    write(queries := plan.results.phase("phase2").queries, "")
    os.utime(queries, (0, 0))
    return plan


def test_a_submission_has_its_score_its_file_and_what_to_type_next(plan):
    log = str(Path(".snakemake/log/now.log").resolve())
    assert closing(plan, ["submission_phase2"], " --config seed=1", 444.2, log) == [
        "phase 2:",
        "  submitted       micro-AP 0.3986, recall at P90 0.3125",
        "  for the grader  results/submission_phase2/descriptors.h5 (1.23 MB, valid)",
        "took 7 min 24 s; logs: results/logs, .snakemake/log/now.log",
        "next: snakemake report --cores --config seed=1  # a page of it all",
    ]


@pytest.mark.parametrize(("profile", "cores"), [("slurm", ""), ("other", " --cores")])
def test_what_to_type_next_names_no_cores_where_a_profile_does(plan, profile, cores):
    """They would count this machine's in the place of the cluster's."""
    if profile == "slurm":
        shutil.copytree(ROOT / "profiles/slurm", "profiles/slurm")
    options = f" --workflow-profile profiles/{profile}"
    last = closing(plan, ["submission_phase2"], options)[-1]
    assert last.startswith(f"next: snakemake report{cores}{options}  # ")


def test_what_lies_in_a_storage_is_not_looked_for_here(plan):
    log = str(Path("now.log").resolve())
    assert closing(plan, ["submission_phase2"], "", 60, log, "s3://bucket/run/") == [
        "results: s3://bucket/run/results",
        "took 1 min 0 s; logs: s3://bucket/run/results/logs, now.log",
        NEXT,
    ]


@pytest.mark.parametrize("targets", [[], ["all"], ["results/submission_phase2/score.json"]])
def test_the_phases_that_were_asked_for_are_told(plan, targets):
    lines = closing(plan, targets)
    assert lines[0] == "phase 2:" and lines[-1] == NEXT and len(lines) == 4
    score(plan.results.submission("phase1").score, 0, 0)
    both = closing(plan, targets)
    assert ("phase 1:" in both) == (targets in ([], ["all"]))
    if "phase 1:" in both:  # a score of nothing is a score
        assert "  submitted       micro-AP 0.0000, recall at P90 0.0000" in both
    assert closing(plan, ["benchmarks"]) == [NEXT]


def test_yardsticks_that_are_there_stand_beside_the_score(plan):
    start, gist = plan.submitted.model("initial"), plan["gist-0"].model()
    score(start.ranked("phase2", "similarity").score, 0.0912, 0.05)
    score(gist.ranked("phase2", "log_partition").score, 0.2, 0.125)
    assert len(closing(plan, ["all"])) == 4  # of no weights that are there
    for model in (start, gist):
        write(model.weights("q"), "")
        os.utime(model.weights("q"), (1, 1))
    assert closing(plan, ["all"])[1:4] == [
        "  submitted       micro-AP 0.3986, recall at P90 0.3125",
        "  at the start    micro-AP 0.0912, recall at P90 0.0500",
        "  GIST            micro-AP 0.2000, recall at P90 0.1250",
    ]
    os.utime(gist.weights("q"))  # of other weights than were scored
    os.utime(gist.ranked("phase2", "log_partition").score, (2, 2))
    assert not [line for line in closing(plan, ["all"]) if "GIST" in line]


def test_a_yardstick_is_ranked_as_the_submission_is(plan):
    gist = plan["gist-0"].model()
    write(gist.weights("q"), "")
    os.utime(gist.weights("q"), (1, 1))
    score(gist.ranked("phase2", "similarity").score, 0.9, 0.9)
    score(gist.ranked("phase2", "log_partition").score, 0.2, 0.125)
    told = "  GIST            micro-AP 0.2000, recall at P90 0.1250"
    assert told in closing(plan, ["all"])


def test_yardsticks_of_other_queries_or_by_another_convention_are_none(plan):
    start = plan.submitted.model("initial")
    write(start.weights("q"), "")
    score(path := start.ranked("phase2", "log_partition").score, 0.1, 0.05)
    assert "at the start" in closing(plan, ["all"])[2]
    os.utime(plan.results.phase("phase2").queries, (2**32, 2**32))
    assert len(closing(plan, ["all"])) == 4
    os.utime(plan.results.phase("phase2").queries, (0, 0))
    write(path, {"micro_ap": 0.1, "convention": "drivendata"})
    assert len(closing(plan, ["all"])) == 4


@pytest.mark.parametrize("changed", ["y" * 1_234_567, "x" * 1000])
@pytest.mark.parametrize("keeps_date", [False, True])
def test_a_file_for_the_grader_that_was_changed_is_not_told_to_be_valid(plan, changed, keeps_date):
    submission = plan.results.submission("phase2")
    write(submission.descriptors, changed)
    if keeps_date:  # as `cp -p` does
        for file in (submission.descriptors, submission.validation):
            os.utime(file, (1, 1))
    (line,) = [line for line in closing(plan, ["all"]) if "for the grader" in line]
    assert line.endswith(", changed since it was validated; remake it: --forcerun submit)")


def test_what_lies_there_of_before_is_not_told_as_this_runs(plan):
    submission, study = plan.results.submission("phase2"), plan.results.study()
    write(study.page, "")
    write(study.table, "method,phase,micro_ap\nqk,phase2,0.4\n")
    write(plan.results.ready_model.card, "")
    for target, name, path in (
        ("submission_phase2", "phase 2", submission.folder),
        ("study", "study", study.page),
        ("ready_model", "ready_model", plan.results.ready_model.card),
    ):
        told, next_command = closing(plan, [target], current=["other"])
        assert told.startswith(f"{name:<17} {path} is of before, ") and next_command == NEXT
    made = [submission.score, study.page, plan.results.ready_model.folder]
    for target in ("submission_phase2", "study", "ready_model"):
        assert closing(plan, [target], current=made) == closing(plan, [target])
    ranked = "results/runs/qk-0/round1-k/phase2/similarity/score.json"
    assert closing(plan, [ranked]) == [NEXT]


def test_a_start_that_another_method_has_made_is_a_yardstick_too(plan):
    """Its weights stay where they were, its scores are the submission's own run's."""
    for side in "qk":
        write(weights := plan.submitted.model("initial").weights(side), "")
        os.utime(weights, (1, 1))
    config = {**CONFIG, "train": {**CONFIG["train"], "method": "simclr"}}
    other = Plan(config, plan.images.sources, plan.results)
    start = plan.results.model("simclr-0", "initial")
    assert other.submitted.model("initial") == plan.submitted.model("initial") != start
    score(start.ranked("phase2", "log_partition").score, 0.1, 0.05)
    told = "  at the start    micro-AP 0.1000, recall at P90 0.0500"
    assert told in closing(other, ["all"])


def test_what_is_submitted_is_no_yardstick_of_itself(plan):
    config = {**CONFIG, "train": {**CONFIG["train"], "rounds": 0}}
    start = Plan(config, Sources([], [], [], {}, {}), Results("results"))
    model = start.submitted.model()
    score(model.ranked("phase2", "log_partition").score, 0.1, 0.1)
    write(model.weights("q"), "")
    os.utime(model.weights("q"), (1, 1))
    assert not [line for line in closing(start, ["all"]) if "at the start" in line]


def test_a_study_is_told_by_method_and_the_report_by_its_page(plan):
    table = "method,phase,micro_ap,micro_ap_std,recall_at_p90\n"
    table += "gist,phase2,0.2,,0.1\nqk,phase2,0.4,,\n"
    write(plan.results.study().table, table)
    write(plan.results.study().page, "x" * 700)
    assert closing(plan, ["study"]) == [
        "phase 2:",
        "  gist            micro-AP 0.2000, recall at P90 0.1000",
        "  qk              micro-AP 0.4000, recall at P90 unknown",
        "study             results/study/table.md (700 bytes)",
        NEXT,
    ]
    write(plan.results.report, "x" * 1_100_000)
    lines = closing(plan, ["report"])
    assert lines[0] == "phase 2:"
    assert lines[-2] == "report            results/report.html (1.1 MB)"
    assert lines[-1].startswith("next: snakemake study --cores  # ")


def test_images_that_were_set_aside_are_told_with_their_lists(plan):
    images = plan.images.sources._replace(phases={"phase1": None})
    given = Plan(CONFIG, images, plan.results)
    whole, queries = given.images.quarantined("phase1")
    write(whole, "id,path,reason\n")
    write(queries, "id,path,reason\n")
    assert closing(given, ["benchmarks"]) == [NEXT]
    write(whole, 'id,path,reason\nT000000,"a\nb",empty\nR000000,c,empty\n')
    why = "(cannot be read, or are for training and references or queries, too)"
    (told, _) = closing(given, ["benchmarks"])
    assert told == f"images set aside  2 {why}: results/data/quarantined.csv"
    write(queries, "id,path,reason\nQ00000,d,empty\n")
    assert f"aside  3 {why}: {whole}, {queries}" in closing(given, ["all"])[-2]
    (told, _) = closing(given, ["benchmarks"], current=[queries])
    assert told.endswith(f"  1 {why}: {queries}")
    assert closing(given, ["benchmarks"], current=["other"]) == [NEXT]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"micro_ap": "none"}', '{"micro_ap": []}'])
def test_a_file_that_cannot_be_read_ends_nothing(plan, content):
    write(plan.results.submission("phase2").score, content)
    write(plan.results.submission("phase2").validation, content)
    assert closing(plan, ["all"])[-1] == NEXT


def test_a_clock_that_was_set_back_makes_no_run_shorter_than_nothing(plan):
    begun = datetime.now() + timedelta(hours=1)
    workflow = SimpleNamespace(
        start_time=begun,
        touch=False,
        dag=SimpleNamespace(jobs=[], noneedrun_finished=None),
        dag_settings=SimpleNamespace(targets=["submission_phase2"]),
        storage_settings=SimpleNamespace(default_storage_prefix=""),
    )
    assert "took 0 s; logs: " in Additions(workflow, plan).closing(["a.log"])


class LogOf(str):
    """A log's path here, which has attributes as Snakemake's."""


@pytest.mark.parametrize("shows", [True, False])
def test_a_failed_jobs_log_is_told_of_what_is_in_a_storage(plan, monkeypatch, shows):
    """Of a job elsewhere, of which Snakemake tells within an event loop, and of one here."""
    address, plan.storage = "s3://b/results/logs/draw.log", Storage("s3", "s3://b")

    def fetch(self, path):
        asyncio.run(asyncio.sleep(0))
        path.write_text("error: why\n")
        return True

    monkeypatch.setattr("iscqk.runtime.storage._file_in", lambda plugin, address, folder: None)
    monkeypatch.setattr(StoredFile, "fetch", fetch)
    log = LogOf("draw.log")
    job = SimpleNamespace(log=[log])
    log.is_storage, log.storage_object = True, SimpleNamespace(query=address)
    dag = SimpleNamespace(jobs=[job], jobid=lambda job: 3)
    workflow = SimpleNamespace(dag=dag, output_settings=SimpleNamespace(show_failed_logs=shows))

    async def told():
        named = [f"{address} (send to storage)", "slurm.log"]
        record = SimpleNamespace(msg="", event="job_error", jobid=3, log=named, aux={"id": 7})
        assert Additions(workflow, plan).filter(record)
        return record.log, record.aux

    for content in ("error: why\n", "error: here\n"):
        if content != "error: why\n":
            Path(log).write_text(content)
        logs, aux = asyncio.run(told())
        assert aux == ({"id": 7, address: content} if shows else {"id": 7})
        assert len(logs) == (1 if shows else 2)


class FileOf:
    """A job's file, which Snakemake asks whether it is there."""

    def __init__(self, is_there):
        self.is_there = is_there

    async def exists(self):
        return self.is_there


@pytest.mark.parametrize(
    ("are_there", "told"),
    [
        ([True] * 1200, "marked 1,200 files as up to date"),
        (
            [True, False, False],
            "marked 1 file as up to date; not there: 2, "
            "which the same command without --touch makes if needed",
        ),
        ([False], None),
    ],
)
@pytest.mark.parametrize("done", [0, 3])
def test_what_only_marks_files_tells_how_many_and_refuses_to_mark_none(plan, are_there, told, done):
    """Of files that are up to date already, none has to be marked."""
    rule = SimpleNamespace(name="submit")
    jobs = [SimpleNamespace(rule=rule, output=[FileOf(is_there) for is_there in are_there])]
    every = [*jobs, SimpleNamespace(rule=rule, output=[FileOf(True)] * done)]
    dag = SimpleNamespace(needrun_jobs=lambda exclude_finished: jobs, jobs=every)
    if done and told is None:
        told = "marked 0 files as up to date; not there: 1, "
        told += "which the same command without --touch makes if needed"
    additions = Additions(SimpleNamespace(touch=True, dag=dag, async_run=asyncio.run), plan)
    if told is None:
        with pytest.raises(UserError, match=r"^--touch: there is no file yet .* without it$"):
            additions.begin_to_mark()
    else:
        additions.begin_to_mark()
        assert additions.closing(["now.log"]) == told
