"""The report's plots: an SVG with the CSV of what it shows beside it.

They are small enough to be read on a phone, and differ in marker and line as in colour.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes

from iscqk.comparison.run_plots import figure, styles
from iscqk.formats.csv_tables import write_table

WIDTH, HEIGHT = 5.2, 3.6  # inches
TEXT: dict[Any, Any] = {"font.size": 11, "axes.spines.top": False,
        "axes.spines.right": False, "legend.framealpha": 0.85}  # fmt: skip


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
    groups = sorted(table["group"].unique())
    places = {group: place for place, group in enumerate(groups)}
    with _drawn(path, table) as axes:
        for style, (phase, rows) in zip(styles(), table.groupby("phase", sort=False), strict=False):
            axes.plot(rows["group"].map(places), rows["micro_ap"], label=phase, **style)
        rotation = 40 if len(groups) > 6 else 0
        axes.set_xticks(range(len(groups)), groups, rotation=rotation, fontsize="small")
        axes.set(xlabel=title, ylabel="micro-AP", ylim=(0, 1.02))


def training_plot(path: Path, table: pd.DataFrame, columns: dict[str, str], title: str) -> None:
    """Plot what a training logged over the images it saw; dotted lines part its parts.

    Args:
        path: of the SVG.
        table: `iscqk.reporting.reading.training_history`.
        columns: to plot, and how the legend calls each.
        title: of the vertical axis.
    """
    shown = table[["part", "images", *columns]]
    with _drawn(path, shown) as axes:
        for style, (column, label) in zip(styles(), columns.items(), strict=False):
            for number, (_, rows) in enumerate(shown.groupby("part", sort=False)):
                name = label if number == 0 else None
                axes.plot(rows["images"], rows[column], label=name, **{**style, "markersize": 3})
        axes.set(xlabel="images seen by SGD", ylabel=title, ylim=(0, None))
        _mark_parts(axes, shown)
        if len(columns) > 1:
            _small_legend(axes)


def _mark_parts(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a line where each part of a training ends, and name it where there is room."""
    ends = table.groupby("part", sort=False)["images"].max()
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
