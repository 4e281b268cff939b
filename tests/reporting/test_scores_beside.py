"""Scores and tables beside the submission: which compare, and what is told of the others."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from iscqk.formats.csv_tables import write_table
from iscqk.formats.results import Results
from iscqk.reporting import reading
from iscqk.reporting.report_sections import runs_table
from iscqk.reporting.score_figures import curve_figure
from iscqk.reporting.tables_beside import tables_beside

SUBMITTED = ("qk-0", "round1-k")
RUNS = [SUBMITTED, ("gist-0", "initial"), ("isd-0", "learned-2"), ("moco-0", "learned-2")]


@pytest.fixture
def scored(tmp_path):
    """Return results of four runs that compare, and their submission."""
    results = Results(str(tmp_path))
    for place, (run, model) in enumerate(RUNS):
        ranked = results.model(run, model).ranked("phase1", "similarity")
        write_table(ranked.curve, pd.DataFrame({"precision": [1.0], "recall": [0.5]}))
        score(results, run, micro_ap=place / 10)
    for file in (results.phase("phase1").queries, results.model(*RUNS[2]).weights("q")):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()
        os.utime(file, (1, 1))
    provenance = {
        "weights": {"queries": {"path": f"runs/{'/'.join(SUBMITTED)}/q.safetensors"}},
        "config": {"train": {"method": "qk"}, "seed": 0},
    }
    own = json.loads(Path(path_of(results, "qk-0")).read_text())
    told = {**own, "split": "phase 1", "ranking": "similarity", "rankings": {"similarity": own}}
    return results, reading.Submitted("phase1", results, told, {}, provenance)


def path_of(results, run):
    return results.model(run, dict(RUNS)[run]).ranked("phase1", "similarity").score


def score(results, run, **changed):
    counted = {"convention": "fb", **changed}
    Path(path_of(results, run)).write_text(json.dumps(counted))


def compared(results, submission):
    return reading.held_against([submission], reading.scored_models(results))


def test_scores_that_do_not_compare_are_marked_and_not_drawn(scored, tmp_path):
    results, submission = scored
    assert not any(one.unlike for one in compared(*scored))
    for run in ("qk-0", "gist-0"):  # which is submitted compares, whatever its time
        os.utime(path_of(results, run), (0, 0))
    os.utime(results.model(*RUNS[2]).weights("q"), (2**32, 2**32))
    score(results, "moco-0", micro_ap=0.3, convention="drivendata")
    models = compared(*scored)
    rows = {row[0]: row[1].text for row in runs_table(models, submission, tmp_path).rows}
    assert rows == {
        "qk-0/round1-k": "0.0000",
        "gist-0/initial": "0.1000, of other queries",
        "isd-0/learned-2": "0.2000, of other weights",
        "moco-0/learned-2": "0.3000, by another convention",
    }
    assert pd.read_csv(tmp_path / "scores.csv")["unlike"].notna().sum() == 3
    curve_figure(submission, models, tmp_path)
    drawn = pd.read_csv(tmp_path / "precision_recall_phase1.csv")
    assert drawn["label"].tolist() == ["qk-0, submitted"]


def test_a_study_of_scores_that_are_others_now_says_so(scored):
    results, _ = scored
    for name in ("", "heat"):
        study = results.study(name)
        runs = pd.DataFrame({"phase": "phase1", "micro_ap": [0.0, 0.1 + 1e-17]})
        write_table(study.runs, runs)
        write_table(study.table, runs)
    assert [one.warning for one in tables_beside(results, compared(*scored))] == ["", ""]
    score(results, "gist-0", micro_ap=0.4)
    told = [one.warning for one in tables_beside(results, compared(*scored))]
    assert [text.split(": ")[1] for text in told] == [
        "snakemake study makes it anew.",
        "snakemake ablation_heat makes it anew.",
    ]
    score(results, "gist-0", micro_ap=0.1)
    os.utime(results.phase("phase1").queries, (2**32, 2**32))
    assert all(one.warning for one in tables_beside(results, compared(*scored)))
    Path(results.study().runs).write_text("")
    assert all(one.warning for one in tables_beside(results, compared(*scored)))


def test_a_table_is_shown_whole(tmp_path):
    results = Results(str(tmp_path))
    write_table(results.benchmarks("losses.csv"), pd.DataFrame({"batch": range(84)}))
    (one,) = tables_beside(results, [])
    assert [row[0].value for row in one.rows] == [*range(84)]


@pytest.mark.parametrize(("seeds", "told"), [([1, 1], "one seed"), ([2, 3], "2 to 3 seeds")])
def test_a_table_of_means_says_over_how_many_seeds(tmp_path, seeds, told):
    results = Results(str(tmp_path))
    write_table(results.study().table, pd.DataFrame({"method": ["a", "b"], "seeds": seeds}))
    write_table(results.benchmarks("losses.csv"), pd.DataFrame({"batch": [1]}))
    study, losses = [one.caption for one in tables_beside(results, [])]
    assert study.startswith("study/table.csv, ") and study.endswith(told)
    assert losses == "benchmarks/losses.csv"
