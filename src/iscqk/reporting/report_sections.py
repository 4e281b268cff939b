"""The report's sections, each made of the files that it tells of."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pandas as pd

from iscqk.formats.csv_tables import write_table
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.predictions import read_predictions
from iscqk.formats.query_edits import read_edit_records
from iscqk.plan.results import Ranked, Results
from iscqk.plan.runs import METHODS
from iscqk.reporting import reading, report_plots
from iscqk.reporting.edit_groups import table_by_group
from iscqk.reporting.gallery import gallery
from iscqk.reporting.page import (
    Figure,
    Number,
    PhaseResults,
    Report,
    Table,
    figure_of,
    share,
    table_of,
)
from iscqk.reporting.reading import Scored, Submission
from iscqk.reporting.rule_graph import draw_rules, parse_mermaid
from iscqk.submission.validation import Problem

_GROUPINGS = {"strength": "strength of the strongest edit", "edits": "edits in a query's chain"}
_METHOD_RUN = re.compile(rf"({'|'.join((*METHODS, 'gist'))})-\d+")


def whole_report(results: Results, folder: Path, title: str, rules: str, count: int) -> Report:
    """Return all that the page tells.

    Args:
        results: what is reported on.
        folder: where plots and their data are written.
        title: of the page.
        rules: what `snakemake --rulegraph mermaid-js` prints, or "".
        count: pairs of each kind in the gallery of each phase.

    Raises:
        UserError: there is no submission, or an image of the gallery is gone.
    """
    found = reading.submissions(results)
    models = reading.scored_models(results)
    told = [_phase(one, models, folder, count) for one in found]
    usage = reading.usage(results)
    write_table(folder / "usage.csv", usage)
    write_table(folder / "gallery.csv", pd.concat([shown for _, shown, _ in told]))
    edges = parse_mermaid(rules)
    provenance = found[-1].provenance
    return Report(
        title=title,
        phases=[phase for phase, _, _ in told],
        runs=_runs_table(models, found[-1]),
        groups=_group_figures(pd.concat([groups for _, _, groups in told]), folder),
        training=_training_figures(found[-1], folder),
        usage=_usage_table(usage),
        usage_total=_usage_total(usage),
        rules=draw_rules(edges) if edges else None,
        others=[table_of(name, table) for name, table in reading.other_tables(results).items()],
        provenance=provenance,
        config=json.dumps(provenance["config"], indent=2),
    )


def _phase(
    one: Submission, models: list[Scored], folder: Path, count: int
) -> tuple[PhaseResults, pd.DataFrame, pd.DataFrame]:
    """Return what is told of a phase, the gallery's pairs, and scores of groups of queries."""
    results = one.results
    records = read_edit_records(results.phase(one.phase).edit_records)
    predictions = read_predictions(one.files.predictions)
    truth = read_ground_truth(results.phase(one.phase).ground_truth)
    groups = table_by_group(predictions, truth, one.score["convention"], records)
    strips, shown = gallery(results, one.phase, predictions, truth, records, count)
    by_edit = reading.scores(one.ranked.by_edit)
    phase = PhaseResults(
        split=one.score["split"],
        score=one.score,
        validation=one.validation,
        problems=[str(Problem(**problem)) for problem in one.validation["problems"]],
        curve=_curve_figure(one, models, folder),
        by_edit=_edit_figure(one, by_edit, folder) if len(by_edit) else None,
        edits=table_of(f"{one.score['split']}: by edit", by_edit) if len(by_edit) else None,
        strips=strips,
    )
    return phase, shown, groups.assign(phase=one.score["split"])


def _runs_table(models: list[Scored], submitted: Submission) -> Table:
    """Return the scores of all models, the submitted one first, a column for phase and ranking."""
    first = "/".join(Path(submitted.model.folder).parts[-2:])
    columns = list(dict.fromkeys((one.phase, one.ranking) for one in models))
    values = {(one.name, one.phase, one.ranking): share(one.micro_ap) for one in models}
    names = sorted({one.name for one in models}, key=lambda name: (name != first, name))
    rows = [[name, *(values.get((name, *column), "") for column in columns)] for name in names]
    head = [f"{phase}, {_spelt(ranking)}" for phase, ranking in columns]
    return Table("micro-AP of every model that was scored, by ranking", ["model", *head], rows)


def _curve_figure(one: Submission, models: list[Scored], folder: Path) -> Figure:
    """Return precision over recall: the submission in each ranking, one run of each method."""
    curves = [
        reading.curve(ranked).assign(label=label)
        for label, ranked in _curves(one, [m for m in models if m.phase == one.phase]).items()
    ]
    path = folder / f"precision_recall_{one.phase}.svg"
    report_plots.curve_plot(path, pd.concat(curves))
    split = one.score["split"]
    return figure_of(path, f"{split}.", f"Precision over recall, {split}, a line for each method")


def _curves(one: Submission, models: list[Scored]) -> dict[str, Ranked]:
    """Return the scores to draw, by label; one seed of each method is enough."""
    run, submitted = Path(one.model.folder).parts[-2:]
    shown = {f"{run}, submitted": one.ranked}
    methods = {run.split("-")[0]}
    for other in models:
        method = other.run.split("-")[0]
        submitted_ranking = other.ranking == one.score["ranking"]
        if (other.run, other.model) == (run, submitted) and not submitted_ranking:
            shown[f"{run}, {_spelt(other.ranking)}"] = other.ranked
        elif submitted_ranking and _METHOD_RUN.fullmatch(other.run) and method not in methods:
            methods.add(method)
            shown[other.run] = other.ranked
    return shown


def _spelt(ranking: str) -> str:
    return ranking.replace("_", "-")


def _edit_figure(one: Submission, by_edit: pd.DataFrame, folder: Path) -> Figure:
    path = folder / f"by_edit_{one.phase}.svg"
    report_plots.edit_plot(path, by_edit)
    split = one.score["split"]
    worst = ", ".join(by_edit.sort_values("micro_ap")["edit"].head(3))
    return figure_of(path, f"By edit, {split}.", f"Scores by edit, {split}; lowest: {worst}")


def _group_figures(groups: pd.DataFrame, folder: Path) -> list[Figure]:
    """Return micro-AP by strength and by number of edits, where they are known."""
    figures = []
    for grouping, title in _GROUPINGS.items():
        rows = groups[groups["grouping"] == grouping]
        if len(rows):
            path = folder / f"by_{grouping}.svg"
            report_plots.group_plot(path, rows, title)
            figures.append(figure_of(path, f"By {title}.", f"micro-AP by {title}, a line a phase"))
    return figures


def _training_figures(one: Submission, folder: Path) -> list[Figure]:
    history = reading.training_history(one.model)
    if history.empty:
        return []
    shown: list[tuple[str, dict[str, str], str, str]] = [
        ("loss", {"loss": "loss"}, "loss, nats", "Loss."),
        (
            "similarity",
            {
                "positive_similarity": "to the positive",
                "nearest_negative_similarity": "to the nearest negative",
            },
            "cosine similarity",
            "Similarity of an image to its positive and to its nearest negative.",
        ),
        (
            "accuracy",
            {"accuracy": "accuracy"},
            "accuracy",
            "How often the positive is nearer than the whole bank, or, in warm-up, the batch.",
        ),
    ]
    figures = []
    for name, columns, title, caption in shown:
        path = folder / f"training_{name}.svg"
        report_plots.training_plot(path, history, columns, title)
        figures.append(figure_of(path, caption, f"{caption} Over the images seen"))
    return figures


def _usage_table(usage: pd.DataFrame) -> Table:
    """Return time and memory by stage."""
    rows = [
        [
            str(row["stage"]),
            Number(row["jobs"], f"{row['jobs']:,}"),
            Number(row["seconds"], _duration(row["seconds"])),
            Number(row["longest"], _duration(row["longest"])),
            "" if pd.isna(row["peak_mb"]) else Number(row["peak_mb"], f"{row['peak_mb']:,.0f}"),
        ]
        for row in usage.to_dict("records")
    ]
    head = ["stage", "jobs", "time in all", "longest job", "peak memory, MB"]
    return Table("All jobs that left their usage, by stage", head, rows)


def _usage_total(usage: pd.DataFrame) -> str:
    if usage.empty:
        return "No job left its usage here."
    return (
        f"{int(usage['jobs'].sum()):,} jobs, {_duration(usage['seconds'].sum())} one after the "
        f"other; at most {usage['peak_mb'].max():,.0f} MB in one."
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
