"""How far a comparison's micro-AP varies with the queries (iscqk.retrieval.bootstrap)."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from iscqk.comparison.run_tables import cells_by_phase, scored
from iscqk.formats.arrays import DoubleArray, IntArray
from iscqk.formats.compared_columns import COLUMNS
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.ids import QUERY
from iscqk.formats.markdown import markdown_table
from iscqk.formats.named_files import read_object
from iscqk.formats.predictions import read_predictions
from iscqk.retrieval.bootstrap import interval, micro_ap_by_draw
from iscqk.retrieval.metrics import Judged, judge, micro_average_precision

Runs = Sequence[Mapping[str, Any]]
ByDraw = Mapping[tuple[str, str], DoubleArray]  # (draws,) micro-AP of a label and a phase

log = logging.getLogger(__name__)

_SAME = 1e-3  # of micro-AP: of equal scores other pairs may be the last of a list
_NOT_KNOWN = np.array([np.nan])
_WITHOUT = "so the table does not say how far %s, %s varies with the queries"


class _Listed(NamedTuple):
    """What a score is of: the list, (n,) all queries, (p,) those of the true pairs."""

    judged: Judged
    queries: IntArray
    true_queries: IntArray


def scores_by_draw(runs: Runs, draws: int) -> ByDraw:
    """Return micro-AP of each label and phase by draw of its queries, the mean over seeds.

    All labels of a phase have the same draws. One that names no predictions is left out; so is one
    whose predictions are not there, or not what its score is of, which is told.

    Args:
        runs: label, phase and score of each run and phase, predictions and ground_truth if known.
        draws: how many.
    """
    phases = dict.fromkeys(run["phase"] for run in runs)
    return {
        (label, phase): scores
        for phase in phases
        for label, scores in _of_phase([run for run in runs if run["phase"] == phase], draws)
    }


def _of_phase(runs: Runs, draws: int) -> list[tuple[str, DoubleArray]]:
    """Return the labels of a phase that are known in every run, with their scores by draw."""
    of_label: dict[str, list[_Listed | None]] = {}
    for run in runs:
        of_label.setdefault(run["label"], []).append(_listed(run))
    known = {
        label: [one for one in lists if one] for label, lists in of_label.items() if all(lists)
    }
    all_queries = [one.queries for lists in known.values() for one in lists]
    queries = np.unique(np.concatenate(all_queries)) if known else np.empty(0, dtype=np.int64)
    return [
        (label, np.mean([_by_draw(one, queries, draws) for one in lists], axis=0))
        for label, lists in known.items()
    ]


def _by_draw(listed: _Listed, queries: IntArray, draws: int) -> DoubleArray:
    return micro_ap_by_draw(listed.judged, queries, listed.true_queries, draws)


def _listed(run: Mapping[str, Any]) -> _Listed | None:
    """Return what a run's score is of; None, and tell why, where that is not there."""
    path, of = run.get("predictions", ""), (run["label"], run["phase"])
    if not (path and run.get("ground_truth")):
        return None
    if not os.path.exists(path):
        log.warning(f"%s: is not there, {_WITHOUT}; search again", path, *of)
        return None
    score, truth = read_object(run["score"]), read_ground_truth(run["ground_truth"])
    whole = judge(read_predictions(path), truth, str(score.get("convention", "fb")))
    count = score.get("predictions")  # fewer than are there by the convention drivendata
    judged = whole.best(count) if isinstance(count, int) else whole
    found, expected = micro_average_precision(judged), scored(run["score"], "micro_ap")
    if abs(found - expected) > _SAME:
        what = "%s: its micro-AP is %.4f, and %.4f in %s"
        log.warning(f"{what}, {_WITHOUT}; name its list", path, found, expected, run["score"], *of)
        return None
    queries = np.union1d(QUERY.numbers(truth.listed_queries), whole.queries)
    return _Listed(judged, queries, QUERY.numbers(truth.query_ids))


def with_query_spread(table: pd.DataFrame, by_draw: ByDraw) -> pd.DataFrame:
    """Return a summary with the intervals of micro-AP, and of its difference to the best other row.

    Args:
        table: `iscqk.comparison.run_tables.summary`.
        by_draw: what `scores_by_draw` gave; what is not in it has no interval.
    """
    title = str(table.columns[0])
    spreads = [_spread(table, title, row, by_draw) for _, row in table.iterrows()]
    joined = table.join(pd.DataFrame(spreads, index=table.index))
    return joined[[name for name in (title, *COLUMNS) if name in joined]]


def _spread(
    table: pd.DataFrame, title: str, row: "pd.Series[Any]", by_draw: ByDraw
) -> dict[str, object]:
    others = table[(table["phase"] == row["phase"]) & (table[title] != row[title])]
    best = others.loc[others["micro_ap"].idxmax()] if len(others) else None
    other = "" if best is None else str(best[title])
    own = by_draw.get((row[title], row["phase"]), _NOT_KNOWN)
    low, high = interval(own)
    least, most = interval(own - by_draw.get((other, row["phase"]), _NOT_KNOWN))
    return {
        "micro_ap_low": low,
        "micro_ap_high": high,
        "best_other": other,
        "difference": np.nan if best is None else row["micro_ap"] - best["micro_ap"],
        "difference_low": least,
        "difference_high": most,
    }


def spread_markdown(table: pd.DataFrame, draws: int) -> str:
    """Return what `with_query_spread` found as a Markdown table, a row for each label.

    Args:
        table: what it gave.
        draws: how many it is of.
    """
    if table["micro_ap_low"].isna().all():
        return (
            "How far these scores vary with the queries is not known: the lists that were scored "
            "are not there.\n"
        )
    title, phases = str(table.columns[0]), table["phase"].unique()
    head = [title]
    for phase in phases:
        head += [f"{phase} micro-AP, 95 %", f"{phase} difference, 95 %"]
    lines = [
        [str(label), *cells_by_phase(rows, phases, _cells)]
        for label, rows in table.groupby(title, sort=False)
    ]
    return f"""{markdown_table(head, lines)}
95 % intervals over the queries, of the mean over seeds, by {draws:,} draws of a phase's queries
(paired bootstrap). The difference is to the best other row by the same draws: where its interval
has 0 in it, other queries might order the two the other way round.
"""


def _cells(row: "pd.Series[Any]") -> list[str]:
    if pd.isna(row["micro_ap_low"]):
        return ["", ""]
    own = f"{row['micro_ap_low']:.4f} to {row['micro_ap_high']:.4f}"
    if pd.isna(row["difference_low"]):
        return [own, ""]
    ends = f"{row['difference_low']:+.4f} to {row['difference_high']:+.4f}"
    return [own, f"{ends}, to {row['best_other']}"]
