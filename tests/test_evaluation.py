"""A run that is only compared is evaluated in one job; the submission's steps are a job each."""

import json
import re
import shlex

import pytest

from iscqk.cli import stage_parser
from iscqk.retrieval.rankings import RANKINGS

MODEL = "results/runs/qk-0/round1-k"
COMMAND = re.compile(
    r"^(?: +|Shell command: )iscqk ((?:merge|search|score) (?:.|\n)+?) &>", re.MULTILINE
)


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


def evaluated_by(project, rankings, files):
    """Return the options of all stages by which a dry run evaluates a model, threads aside."""
    folders = [f"{MODEL}/phase{n}/{name}" for n in (1, 2) for name in rankings]
    targets = [f"{one}/{file}" for one in folders for file in ("score.json", "predictions.csv")]
    done = project.run(
        f"snakemake {' '.join(targets)} --cores 8 --dry-run -p --configfile config.yaml {files}"
    )
    found = []
    for command in COMMAND.findall(done.stdout + done.stderr):
        for words in command.replace("\\\n", " ").split(" --then "):
            stage, *options = shlex.split(words)
            told = vars(stage_parser(stage).parse_args(options)) | {"threads": None}
            found += [(stage, one) for one in one_of_each_ranking(told)]
    return sorted(found, key=repr)


def one_of_each_ranking(told):
    """Return the options of `merge` for each ranking that it is told of; others as they are.

    Of several rankings, one without a bank takes no notice of that of another.
    """
    if len(told.get("ranking", [])) < 2:
        return [told]
    pairs = zip(told["ranking"], told["output"], strict=True)
    each = [told | {"ranking": [name], "output": [output]} for name, output in pairs]
    without = {"training": [], "temperature": 1}
    return [one if RANKINGS[one["ranking"][0]].needs_bank else one | without for one in each]


@pytest.mark.parametrize(
    ("convention", "rankings"), [("fb", ["similarity"]), ("drivendata", [*RANKINGS])]
)
def test_both_ways_run_the_same_stages_with_the_same_options(
    project, monkeypatch, convention, rankings
):
    monkeypatch.chdir(project.folder)
    settings = {
        "score": {"rankings": rankings, "convention": convention},
        "describe": {"ranking": rankings[0]},
        "search": {"max_results": 99},
    }
    (project.folder / "own.yaml").write_text(json.dumps(settings))
    (project.folder / "other.yaml").write_text("train: {method: gist}")
    alone = evaluated_by(project, rankings, "tiny.yaml own.yaml")
    together = evaluated_by(project, rankings, "tiny.yaml own.yaml other.yaml")
    assert len(alone) == 2 * 3 * len(rankings) and together == alone


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
