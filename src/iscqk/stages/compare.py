"""Set runs side by side: table.csv, table.md, a plot, and curves where their data are given."""

import argparse
import logging
from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd

from iscqk.comparison.query_spread import scores_by_draw, spread_markdown, with_query_spread
from iscqk.comparison.run_plots import edit_plot, label_plot, line_plot
from iscqk.comparison.run_tables import (
    Measured,
    images_seen,
    markdown,
    over_seeds,
    rankings_markdown,
    read_history,
    run_table,
    scored,
    summary,
)
from iscqk.errors import UserError
from iscqk.formats.compared_columns import COLUMNS
from iscqk.formats.csv_tables import read_whole_table, write_table
from iscqk.formats.files import write_text
from iscqk.formats.json_kinds import ONE_AT_LEAST
from iscqk.formats.named_files import read_object
from iscqk.formats.results import Comparison
from iscqk.runtime.options import count, json_objects, output_folder

Rows = list[dict[str, Any]]

logger = logging.getLogger(__name__)

_RUN = {
    **{"label": str, "seed": int, "phase": str, "score": str},
    **{"histories": list[str], "usage": list[str]},
}
_CURVES = {  # of a run
    "curve": str,
    "by_edit": str,
    "rankings": Annotated[dict[str, str], ONE_AT_LEAST],
}
_MAY_HAVE = ("predictions", "ground_truth", "settings")  # texts
_ALIKE = ("convention", "positives", "queries", "references")  # of scores that compare
_CURVE = {"label": str, "seed": int, "learning_curve": str, "models": dict[str, list[str]]}

EXAMPLE = "iscqk compare --title method --runs @runs.json --output compared"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--title", required=True, help="what the rows are, `method` for example")
    parser.add_argument(
        "--runs", type=json_objects(_CURVES, **_RUN), required=True,
        help="JSON list, or @FILE of it, one for each run and phase: label, seed, phase, score, "
        "histories, usage; of all or none, too: curve (precision and recall), by_edit and "
        "rankings (of each, score); of any: predictions and ground_truth of the score, to tell how "
        "far it varies with the queries; settings, what the label stands for",
    )  # fmt: skip
    parser.add_argument(
        "--draws", type=count, default=1000, help="of queries, by which intervals are found"
    )
    parser.add_argument(
        "--learning-curves", type=json_objects(**_CURVE), default=[],
        help="JSON list, or @FILE of it, of label, seed, learning_curve, which "
        "`iscqk learning-curve` wrote, and models: for each model in it the history.csv of all "
        "trainings up to it",
    )  # fmt: skip
    parser.add_argument("--output", type=output_folder, required=True, help="folder")


def run(arguments: argparse.Namespace) -> None:
    """Write the folder."""
    if arguments.title in COLUMNS:
        raise UserError(
            f"--title {arguments.title}: the table has a column of that name; choose another"
        )
    output, rows = Comparison(str(arguments.output)), arguments.runs
    _refuse_doubled("--runs", rows, ("label", "seed", "phase"))
    _refuse_no_text(rows)
    _refuse_doubled("--learning-curves", arguments.learning_curves, ("label", "seed"))
    fields = Measured._fields
    runs = run_table(Measured(**{key: row[key] for key in fields}) for row in rows)
    _tell_unlike(rows)
    settings = {row["label"]: row["settings"] for row in rows if "settings" in row}
    table = summary(runs, arguments.title, settings)
    table = with_query_spread(table, scores_by_draw(rows, arguments.draws))
    write_table(output.runs, runs)
    write_table(output.table, table)
    page = markdown(table) + "\n" + spread_markdown(table, arguments.draws)
    write_text(output.page, page)
    label_plot(output.plot, table, arguments.title)
    if "by_edit" in rows[0]:
        _compare_edits(rows, output)
        _compare_curves(rows, output)
        _compare_rankings(rows, output)
    if arguments.learning_curves:
        _compare_learning_curves(arguments.learning_curves, output)


def _refuse_doubled(option: str, rows: Rows, keys: tuple[str, ...]) -> None:
    """Refuse to take one run for two, which would count twice in means and make no spread."""
    seen = [tuple(row[key] for key in keys) for row in rows]
    if doubled := [one for number, one in enumerate(seen) if one in seen[:number]]:
        told = ", ".join(f"{k} {v}" for k, v in zip(keys, doubled[0], strict=True))
        raise UserError(f"{option}: {told} is there twice; name each run once")


def _refuse_no_text(rows: Rows) -> None:
    for row in rows:
        for key in _MAY_HAVE:
            if not isinstance(row.get(key, ""), str):
                raise UserError(f"--runs: {key} is {str(row[key])[:40]}; give text")


def _tell_unlike(rows: Rows) -> None:
    """Tell of scores of one phase that are of other images, or were counted otherwise."""
    firsts: dict[str, tuple[str, dict[str, Any]]] = {}
    for row in rows:
        score = read_object(row["score"])
        path, first = firsts.setdefault(row["phase"], (row["score"], score))
        for key in _ALIKE:
            if key in score and key in first and score[key] != first[key]:
                told = (row["score"], key, score[key], first[key], path)
                logger.warning("%s: %s %s, and %s in %s; such scores do not compare", *told)


def _compare_edits(rows: Rows, output: Comparison) -> None:
    """Write micro-AP by edit, means over seeds and their spread."""
    counts, scores = ["queries", "positives"], ["micro_ap", "recall_at_p90", "recall_at_1"]
    table = _joined(rows, "by_edit", [*counts, *scores], ["edit"])
    means = over_seeds(table, ["label", "phase", "edit"], scores, counts).reset_index()
    write_table(output.by_edit, means)
    edit_plot(output.by_edit_plot, means)


def _compare_curves(rows: Rows, output: Comparison) -> None:
    """Write precision over recall of every seed."""
    table = _joined(rows, "curve", ["recall", "precision"])
    write_table(output.curves, table)
    line_plot(
        output.curves_plot,
        table,
        ("recall", "recall"),
        ("precision", "precision"),
        marked=False,
    )


def _compare_rankings(rows: Rows, output: Comparison) -> None:
    """Write micro-AP by ranking, means over seeds and their spread."""
    table = pd.DataFrame(
        {
            **{key: row[key] for key in ("label", "seed", "phase")},
            "ranking": ranking,
            "micro_ap": scored(path, "micro_ap"),
        }
        for row in rows
        for ranking, path in row["rankings"].items()
    )
    means = over_seeds(table, ["label", "phase", "ranking"], ["micro_ap"])
    write_table(output.rankings, means.reset_index())
    write_text(output.rankings_page, rankings_markdown(means))


def _compare_learning_curves(curves: Rows, output: Comparison) -> None:
    """Write micro-AP over images seen."""
    table = pd.concat([_learning_curve(one) for one in curves], ignore_index=True)
    write_table(output.images_seen, table)
    line_plot(
        output.images_seen_plot,
        table,
        ("images_seen", "images seen by SGD"),
        ("micro_ap", "micro-AP by similarity"),
        marked=True,
    )


def _learning_curve(one: dict[str, Any]) -> pd.DataFrame:
    """Return a run's scores by phase and images seen."""
    seen = {
        model: images_seen(map(read_history, histories))
        for model, histories in one["models"].items()
    }
    path, columns = one["learning_curve"], ["model", "phase", "micro_ap"]
    table = read_whole_table(path, columns, numbers=["micro_ap"])
    if unknown := sorted(set(table["model"].astype(str)) - seen.keys()):
        raise UserError(f"{path}: model {unknown[0]} has no histories in `models`; name them")
    return table.assign(
        label=one["label"], seed=one["seed"], images_seen=table["model"].map(seen)
    ).drop(columns="model")


def _joined(
    rows: Rows, key: str, numbers: Sequence[str], others: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the CSVs that `key` names under one another, with the runs they are of."""
    needed = [*others, *numbers]
    tables = [
        read_whole_table(row[key], needed, numbers=numbers, may_be_empty=True).assign(
            **{name: row[name] for name in ("label", "seed", "phase")}
        )
        for row in rows
    ]
    return pd.concat(tables, ignore_index=True)
