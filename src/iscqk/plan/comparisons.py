"""Which files of runs `iscqk compare` and `iscqk neighbours` set side by side, and the report."""

import hashlib
import os
from collections.abc import Iterable
from typing import Any

from iscqk.formats.phases import PHASES
from iscqk.formats.results import Results
from iscqk.plan.dependence import as_text
from iscqk.plan.parameters import fetched
from iscqk.plan.plan import Plan
from iscqk.plan.runs import (
    Compared,
    ablation_rows,
    ablation_settings,
    changes_in_words,
    study_rows,
    unbalanced_rows,
)

Rows = list[dict[str, Any]]


def compared_methods(plan: Plan) -> Rows:
    """Return what every method of the study left behind, from every seed, for each phase."""
    return [
        {
            **_measured(plan, row, phase),
            "curve": plan[row.run].ranked(phase).curve,
            "by_edit": plan[row.run].ranked(phase).by_edit,
            "rankings": {
                ranking: plan[row.run].ranked(phase, ranking).score
                for ranking in plan.config["score"]["rankings"]
            },
        }
        for row in study_rows(plan.config)
        for phase in PHASES
    ]


def compared_settings(plan: Plan, ablation: str) -> Rows:
    """Return what every run of an ablation left behind, for each phase, and what it changes."""
    settings = ablation_settings(plan.config, ablation)
    return [
        {**_measured(plan, row, phase), "settings": changes_in_words(settings[row.label])}
        for row in ablation_rows(plan.config, ablation)
        for phase in PHASES
    ]


def compared_classes(plan: Plan) -> Rows:
    """Return the features of labelled images by every run on unbalanced ones."""
    return [
        {
            "method": row.label,
            "seed": row.seed,
            "features": plan[row.run].described("k", "evaluation", "features"),
        }
        for row in unbalanced_rows(plan.config)
    ]


def learning_curves(plan: Plan) -> Rows:
    """Return the scores along the training of each method of the study; of the first seed only."""
    first = plan.config["study"]["seeds"][0]
    return [_learning_curve(plan, row) for row in study_rows(plan.config) if row.seed == first]


def files_of(value: object, root: str) -> list[str]:
    """Return, sorted, all files below a folder of results that a description names."""
    if isinstance(value, str):
        return [value] if value.startswith(f"{root}/") else []
    values = value.values() if isinstance(value, dict) else value
    if not isinstance(values, Iterable):
        return []
    return sorted({file for below in values for file in files_of(below, root)})


def rows_in_job(rows: Rows, root: str, files: Iterable[object]) -> str:
    """Return rows as JSON, with their files below a folder of results as a job has them."""
    return as_text(fetched(rows, files_of(rows, root), files))


def in_few_words(*tables: Rows) -> str:
    """Return which rows there are, and what tells them from others of these names."""
    names = [
        f"{row.get('label', row.get('method'))}-{row['seed']}" for rows in tables for row in rows
    ]
    digest = hashlib.sha256(as_text(tables).encode()).hexdigest()
    return f"{' '.join(dict.fromkeys(names))} ({digest[:12]})"


def _measured(plan: Plan, row: Compared, phase: str) -> dict[str, Any]:
    run = plan[row.run]
    ranked = run.ranked(phase)
    return {
        "label": row.label,
        "seed": row.seed,
        "phase": phase,
        "score": ranked.score,
        "predictions": ranked.predictions,
        "ground_truth": plan.results.phase(phase).ground_truth,
        "histories": run.history(),
        "usage": run.usage(),
    }


def _learning_curve(plan: Plan, row: Compared) -> dict[str, Any]:
    run = plan[row.run]
    return {
        "label": row.label,
        "seed": row.seed,
        "learning_curve": plan.results.learning_curve(row.run),
        "models": {str(name): run.history(name) for name in run.models},
    }


def reported(plan: Plan) -> list[str]:
    """Return the files of the submitted run that the report needs."""
    run = plan.submitted
    ranked = [
        run.ranked(phase, ranking)
        for phase in PHASES
        for ranking in plan.config["score"]["rankings"]
    ]
    return [file for one in ranked for file in (one.score, one.by_edit, one.curve)] + run.history()


def report_compares_with(plan: Plan) -> list[str]:
    """Return the scores of other results that the report compares with, and what they are of.

    Where there are none, the one that has to be there, so that Snakemake tells before any work.
    """
    if not (folder := plan.config["report"]["compare"]):
        return []
    other = [Results(os.path.normpath(folder)).submission(phase) for phase in PHASES]
    there = [one for one in other if plan.storage.here([one.score])]
    return [file for one in there or other[-1:] for file in (one.score, one.provenance)]


def reported_besides(plan: Plan) -> list[tuple[str, float]]:
    """Return what else there is to report, with its time: shown where it is, but never made."""
    scores = plan.results.patterns.model("*", "*").ranked("*", "*").score
    patterns = [scores, *plan.results.tables()]
    found = {path for pattern in patterns for path in plan.made.matching(pattern)}
    return [(path, os.path.getmtime(path)) for path in sorted(found - set(reported(plan)))]
