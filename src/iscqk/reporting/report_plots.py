"""The report's plots: an SVG with the CSV of what it shows beside it.

They are small enough to be read on a phone, and differ in marker and line as in colour.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from iscqk.comparison.run_plots import figure, styles
from iscqk.formats.csv_tables import write_table
from iscqk.reporting.edit_groups import in_order

WIDTH, HEIGHT = 5.2, 3.6  # inches
BINS = 40  # of a histogram
TEXT: dict[Any, Any] = {"font.size": 11, "axes.spines.top": False,
        "axes.spines.right": False, "legend.framealpha": 0.85}  # fmt: skip


class Curves(NamedTuple):
    """Columns of a training's history that belong into one plot.

    Attributes:
        name: of its file.
        columns: to plot, and how the legend calls each.
        axis: title of the vertical axis.
        caption: what it shows.
        of_batches: whether each row is of a single batch.
    """

    name: str
    columns: dict[str, str]
    axis: str
    caption: str
    of_batches: bool = False


def curve_plot(path: Path, table: pd.DataFrame) -> None:
    """Plot precision over recall, a line for each label.

    Args:
        path: of the SVG.
        table: columns label, recall, precision.
    """
    with _drawn(path, table) as axes:
        for style, (label, rows) in zip(styles(), table.groupby("label", sort=False), strict=False):
            axes.plot(rows["recall"], rows["precision"], label=label, markevery=0.15, **style)
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        _small_legend(axes)


def edit_plot(path: Path, table: pd.DataFrame) -> None:
    """Plot micro-AP and recall@1 of the copies of each edit, the hardest edit on top.

    Args:
        path: of the SVG.
        table: `iscqk.retrieval.scores_by_edit.table_by_edit`.
    """
    rows = table.sort_values("micro_ap", ascending=False)
    names = [f"{row.edit} ({row.positives})" for row in rows.itertuples()]
    with _drawn(path, table, height=1.2 + 0.19 * len(rows)) as axes:
        columns = {"micro_ap": "micro-AP", "recall_at_1": "recall@1"}
        for style, (column, label) in zip(styles(), columns.items(), strict=False):
            axes.plot(rows[column], names, **{**style, "linestyle": ""}, label=label)
        axes.set(xlabel="score of its copies", xlim=(-0.02, 1.02))
        axes.tick_params(axis="y", labelsize="small")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False,
                    fontsize="small", handletextpad=0.2, columnspacing=1)  # fmt: skip
        axes.margins(y=0.6 / max(len(rows), 1))


def group_plot(path: Path, table: pd.DataFrame, title: str) -> None:
    """Plot micro-AP over groups of queries, a line for each phase.

    Args:
        path: of the SVG.
        table: columns phase, group, positives, micro_ap.
        title: of the axis of groups.
    """
    groups = in_order(table["group"].unique())
    places = {group: place for place, group in enumerate(groups)}
    with _drawn(path, table) as axes:
        for style, (phase, rows) in zip(styles(), table.groupby("phase", sort=False), strict=False):
            axes.plot(rows["group"].map(places), rows["micro_ap"], label=phase, **style)
        rotation = 40 if len(groups) > 6 else 0
        axes.set_xticks(range(len(groups)), groups, rotation=rotation, fontsize="small")
        axes.set(xlabel=title, ylabel="micro-AP", ylim=(0, 1.02))


def score_plot(path: Path, table: pd.DataFrame, precise_from: float | None) -> None:
    """Plot how many queries have a nearest pair of each score, right ones and wrong ones.

    Args:
        path: of the SVG.
        table: columns score, query and correct, a row a query.
        precise_from: score from which on 90 % of the phase's pairs are copies, drawn as a line.
    """
    edges = np.histogram_bin_edges(table["score"], bins=BINS)
    counts = pd.DataFrame({"from": edges[:-1], "to": edges[1:]})
    kinds = {"right": table["correct"], "wrong": ~table["correct"]}
    for name, chosen in kinds.items():
        counts[name] = np.histogram(table["score"][chosen], edges)[0]
    with _drawn(path, counts) as axes:
        for style, name in zip(styles(), kinds if len(table) else [], strict=False):
            heights = [*counts[name], 0]
            axes.plot(edges, heights, drawstyle="steps-post", label=f"nearest is {name}",
                      **{**style, "marker": ""})  # fmt: skip
        if precise_from is not None:
            axes.axvline(precise_from, color="#808080", linewidth=1.2)
            axes.text(precise_from, 1.01, "90 % copies →", va="bottom", fontsize="x-small",
                      transform=axes.get_xaxis_transform())  # fmt: skip
        axes.set(xlabel="score of the nearest pair", ylabel="queries", ylim=(0, None))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        _small_legend(axes)


def training_plot(path: Path, table: pd.DataFrame, curves: Curves) -> None:
    """Plot what a training logged over the images it saw; dotted lines part its parts.

    Where single batches were logged they are faint points, and the line is their running mean,
    which the data have in a column of its own.

    Args:
        path: of the SVG.
        table: `iscqk.reporting.reading.training_history`.
        curves: what of it.
    """
    shown = table[["part", "images", *curves.columns]].dropna()
    if curves.of_batches:
        means = {f"{name}_mean": running_mean(shown, name) for name in curves.columns}
        shown = shown.assign(**means)
    lowest = min(0.0, shown[[*curves.columns]].min().min())
    with _drawn(path, shown) as axes:
        for style, (column, label) in zip(styles(), curves.columns.items(), strict=False):
            for number, (_, rows) in enumerate(shown.groupby("part", sort=False)):
                name = label if number == 0 and len(curves.columns) > 1 else None
                _curve(axes, rows, column, {**style, "markersize": 3, "label": name})
        axes.set(xlabel="images seen by SGD", ylabel=curves.axis, ylim=(lowest, None))
        axes.set_xlim(0, 1.01 * table["images"].max())  # the last point is no half one
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        _mark_parts(axes, table)
        _small_legend(axes)


def running_mean(table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column's mean over the rows within a tenth of a part's images, before and after.

    Less than ten rows are farther apart and stay as they are, but for a last one that follows
    closely: else every part would seem to leap at its end.
    """

    def mean(values: pd.Series) -> NDArray[np.float64]:
        seen = table.loc[values.index, "images"].to_numpy(dtype=float)
        part = (seen[-1] - seen[0]) * len(seen) / max(len(seen) - 1, 1)  # and before the first row
        first = np.searchsorted(seen, seen - part / 10)
        end = np.searchsorted(seen, seen + part / 10, side="right")
        return np.array([values.iloc[a:b].mean() for a, b in zip(first, end, strict=True)])

    return table.groupby("part", sort=False)[column].transform(mean)


def _curve(axes: Axes, rows: pd.DataFrame, column: str, style: dict[str, Any]) -> None:
    """Draw a column, or where it has one its running mean, over faint points."""
    if f"{column}_mean" not in rows:
        axes.plot(rows["images"], rows[column], **style)
        return
    points = {**style, "linestyle": "", "alpha": 0.35, "label": None}
    axes.plot(rows["images"], rows[column], **points)
    axes.plot(rows["images"], rows[f"{column}_mean"], **{**style, "marker": ""})


def _mark_parts(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a line where each of several parts ends, and name it where there is room."""
    ends = table.groupby("part", sort=False)["images"].max()
    if len(ends) == 1:
        return
    starts = [0, *ends.iloc[:-1]]
    crowded = len(ends) > 8
    for part, start, end in zip(ends.index, starts, ends, strict=True):
        axes.axvline(end, color="#808080", linestyle=":", linewidth=0.8)
        if not crowded:
            axes.text((start + end) / 2, 1.01, part, ha="center", va="bottom", fontsize="x-small",
                      transform=axes.get_xaxis_transform())  # fmt: skip


def _small_legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")


@contextmanager
def _drawn(path: Path, table: pd.DataFrame, height: float = HEIGHT) -> Iterator[Axes]:
    """Give axes to draw in; write the SVG, and the data beside it, when done."""
    write_table(path.with_suffix(".csv"), table)
    with pyplot.rc_context(TEXT), figure(path, [""], height, WIDTH) as (axes,):
        yield axes
