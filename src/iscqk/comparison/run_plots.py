"""Plots as SVG, readable in black and white: methods differ in marker and line as in colour."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes

from iscqk.comparison.run_tables import seeds_in_words
from iscqk.formats.files import atomic_file

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2")
MARKERS = "osD^vPX"
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 2)))
NOTHING = "nothing to show"
# The same data give the same bytes: ids are drawn from this salt, and no date is written.
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "iscqk",
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name of the user's with a dollar in it is no formula
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def label_plot(path: str | Path, table: pd.DataFrame, title: str) -> None:
    """Plot micro-AP with its spread by label, a marker for each phase.

    Numbers have a line through them; other labels are in no order that it could show.

    Args:
        path: of the SVG.
        table: `iscqk.comparison.run_tables.summary`.
        title: the label's column.
    """
    labels = table[title].astype(str)
    line = {} if _are_numbers(labels) else {"linestyle": ""}
    with figure(path, [""], *_room_for(labels), seeds_in_words(table["seeds"])) as (axes,):
        phases = table.groupby("phase", sort=False)
        for style, (phase, rows) in zip(styles(), phases, strict=False):
            spread = rows["micro_ap_std"].fillna(0)
            axes.errorbar(rows["micro_ap"], labels[rows.index], xerr=spread, capsize=3,
                          label=str(phase), **{**style, **line})  # fmt: skip
        axes.set(xlabel="micro-AP", ylabel=title, xlim=(0, None))
        axes.invert_yaxis()  # in the order of the table


def accuracy_plot(path: str | Path, table: pd.DataFrame) -> None:
    """Plot accuracy with its spread by method, a panel for each set of classes.

    Args:
        path: of the SVG.
        table: columns method, classes, seeds, accuracy, accuracy_std.
    """
    sets = [str(name) for name in table["classes"].unique()]
    titles = [f"{name} classes" for name in sets]
    size, caption = _room_for(table["method"]), seeds_in_words(table["seeds"])
    with figure(path, titles, *size, caption) as panels:
        for axes, name in zip(panels, sets, strict=True):
            rows = table[table["classes"] == name]
            spread, methods = rows["accuracy_std"].fillna(0), rows["method"].astype(str)
            axes.errorbar(rows["accuracy"], methods, xerr=spread, fmt="o", capsize=3, color="k")
            axes.set(xlabel="nearest-neighbour accuracy", xlim=(0, None))
            axes.invert_yaxis()


def line_plot(
    path: str | Path, table: pd.DataFrame, x: tuple[str, str], y: tuple[str, str], marked: bool
) -> None:
    """Plot y over x, a panel for each phase, a style for each label, a line for each seed.

    Args:
        path: of the SVG.
        table: columns label, seed, phase, x and y.
        x: column and title of the axis.
        y: likewise.
        marked: whether points have markers.
    """
    phases = [str(phase) for phase in table["phase"].unique()]
    of_label = dict(zip(table["label"].unique(), styles(), strict=False))
    seeds = [str(seed) for seed in table["seed"].unique()]
    told = "a line for each seed: " if len(seeds) > 1 else "seed "
    caption = told + ", ".join(seeds) if seeds else ""
    with figure(path, phases, caption=caption) as panels:
        for axes, phase in zip(panels, phases, strict=True):
            in_phase = table[table["phase"] == phase]
            for (label, _), rows in in_phase.groupby(["label", "seed"], sort=False):
                style = of_label[label] if marked else {**of_label[label], "marker": ""}
                axes.plot(rows[x[0]], rows[y[0]], label=_in_legend(label), **style)
            axes.set(xlabel=x[1], ylabel=y[1], ylim=(0, None))


def edit_plot(path: str | Path, table: pd.DataFrame) -> None:
    """Plot micro-AP by edit, a panel for each phase, a marker for each label.

    Args:
        path: of the SVG.
        table: columns label, phase, edit, seeds, micro_ap.
    """
    phases = [str(phase) for phase in table["phase"].unique()]
    of_label = dict(zip(table["label"].unique(), styles(), strict=False))
    size, caption = _room_for(table["edit"]), seeds_in_words(table["seeds"], "mean")
    with figure(path, phases, *size, caption) as panels:
        for axes, phase in zip(panels, phases, strict=True):
            in_phase = table[table["phase"] == phase]
            places = in_phase.pivot(index="edit", columns="label", values="micro_ap")
            places = places.loc[places.mean(axis=1).sort_values().index]
            for label in filter(places.__contains__, of_label):  # it may lack a phase
                scores, style = places[label].to_numpy(), of_label[label]
                style = {**style, "linestyle": "", "label": _in_legend(label)}
                axes.plot(scores, places.index, **style)
            axes.set(xlabel="micro-AP of copies with this edit, against all distractors")


def styles() -> Iterator[dict[str, Any]]:
    """Yield what tells lines apart: colour, marker and kind of line.

    Any two of the three do, as not every plot shows all, up to as many lines as colours squared.
    """
    for passed in cycle(range(len(COLOURS))):  # each pairs them otherwise
        for place, colour in enumerate(COLOURS):
            marker = MARKERS[(place + passed) % len(MARKERS)]
            line = LINES[(place + 2 * passed) % len(LINES)]
            yield {"color": colour, "marker": marker, "linestyle": line, "markersize": 5}


@contextmanager
def figure(
    path: str | Path, titles: list[str], height: float = 4.5, width: float = 6, caption: str = ""
) -> Iterator[list[Axes]]:
    """Give panels side by side, each of that size in inches, to draw in; write them when done.

    The caption is a line below them all.

    A panel with nothing in it says so, and so does one where there is no title, which is not given
    out. The first has a legend, each label of any panel once, unless its drawer has made one.
    """
    with pyplot.rc_context(STYLE):
        count = max(len(titles), 1)
        size = (width * count, height)
        drawing, (panels,) = pyplot.subplots(
            1, count, figsize=size, squeeze=False, layout="constrained"
        )
        for axes, title in zip(panels, titles, strict=False):
            axes.set_title(title)
        if caption:
            drawing.supxlabel(caption, fontsize="small")
        yield list(panels[: len(titles)])
        for axes in panels:
            if not any(len(line.get_xydata()) for line in axes.lines):
                axes.text(0.5, 0.5, NOTHING, ha="center", va="center", transform=axes.transAxes)
        if panels[0].get_legend() is None and (lines := _lines_by_label(panels)):
            panels[0].legend(list(lines.values()), list(lines))
        with atomic_file(path) as temporary, warnings.catch_warnings():
            # Text stays text in an SVG: who shows it has the letters that this font lacks.
            warnings.filterwarnings("ignore", "Glyph", UserWarning)
            drawing.savefig(temporary, format="svg", metadata={"Date": None})
        pyplot.close(drawing)


def _are_numbers(labels: pd.Series) -> bool:
    return bool(pd.to_numeric(labels, errors="coerce").notna().all())


def _room_for(labels: pd.Series) -> tuple[float, float]:
    """Return a panel's height and width in inches with room for each label on its vertical axis."""
    texts = {str(label) for label in labels}
    return max(3.5, 1.5 + 0.22 * len(texts)), 5 + 0.08 * max(map(len, texts), default=0)


def _in_legend(label: object) -> str:
    """Return a label as a legend shows it: one that begins with `_` is none to matplotlib."""
    return f" {label}" if str(label).startswith("_") else str(label)


def _lines_by_label(panels: Iterable[Axes]) -> dict[str, Any]:
    """Return the first line of each label."""
    lines: dict[str, Any] = {}
    for axes in panels:
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True):
            lines.setdefault(label, line)
    return lines
