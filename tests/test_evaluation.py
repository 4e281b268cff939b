"""A run that is only compared is evaluated in one job; the submission's steps are a job each."""

import re

import pytest

MODEL = "results/runs/qk-0/round1-k"


def planned(project, command):
    """Return how many jobs of each rule a dry run lists."""
    done = project.run(f"snakemake {command} --dry-run --quiet rules")
    counts = re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE)
    return {rule: int(count) for rule, count in counts}


@pytest.mark.parametrize(
    ("target", "jobs", "evaluated"), [("submission_phase2", 22, 0), ("study", 58, 4)]
)
def test_a_run_that_is_only_compared_is_evaluated_in_one_job(project, target, jobs, evaluated):
    counts = planned(project, target)
    assert counts["total"] == jobs and counts.get("evaluate", 0) == evaluated


def test_a_step_of_the_submission_runs_alone(finished):
    files = "--configfile config.yaml tiny.yaml"
    target = f"{MODEL}/phase2/similarity"
    for step, made in (("merge", "descriptors.h5"), ("score", "score.json")):
        counts = planned(finished, f"{target}/{made} --forcerun {step} {files}")
        assert counts == {step: 1, "total": 1}


def test_both_ways_make_the_same_bytes(finished_copy):
    """Of a run that another one is submitted beside, all is made anew by its one job."""
    folder = finished_copy.folder / MODEL
    made = {path: path.read_bytes() for path in folder.glob("phase?/*/*")}
    validations = {path for path in made if path.name == "validation.json"}
    for path in made:
        path.unlink()
    (finished_copy.folder / "other.yaml").write_text("train: {method: gist}")
    target = f"{MODEL}/phase1/similarity/score.json"
    finished_copy.run(
        f"snakemake {target} --cores --allowed-rules evaluate "
        "--configfile config.yaml tiny.yaml other.yaml"
    )
    again = {path: path.read_bytes() for path in folder.glob("phase?/*/*")}
    assert set(again) == set(made) - validations and len(again) == 20
    assert all(made[path] == content for path, content in again.items())
