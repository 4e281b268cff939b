"""The page: what was read and drawn, laid into the template."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup, escape

from iscqk.reporting.gallery import Strip
from iscqk.reporting.inline_svg import inline_svg
from iscqk.reporting.rendering import render_template


class Number(NamedTuple):
    """A number in a table: its value to the last digit, and what is shown of it."""

    value: float
    text: str


class Table(NamedTuple):
    """A caption, the names of columns, rows; the first column names the row."""

    caption: str
    head: list[str]
    rows: list[list[str | Number]]

    @property
    def texts(self) -> set[int]:
        """Columns that hold text."""
        cells = [(n, cell) for row in self.rows for n, cell in enumerate(row)]
        return {n for n, cell in cells if cell and isinstance(cell, str)}


class Figure(NamedTuple):
    """A plot, what it shows, and the file of its data."""

    svg: Markup
    caption: str
    data: str


class PhaseResults(NamedTuple):
    """What is told of one phase.

    Attributes:
        split: its name and the images it is of.
        score: score.json.
        validation: validation.json.
        problems: that it names.
        curve: precision over recall.
        by_edit: scores by edit, where edits are known.
        edits: the same as a table.
        strips: of the gallery.
    """

    split: str
    score: dict[str, Any]
    validation: dict[str, Any]
    problems: list[str]
    curve: Figure
    by_edit: Figure | None
    edits: Table | None
    strips: list[Strip]


class Report(NamedTuple):
    """All that the page tells, in its order."""

    title: str
    phases: list[PhaseResults]
    runs: Table
    groups: list[Figure]
    training: list[Figure]
    usage: Table
    usage_total: str
    rules: Markup | None
    others: list[Table]
    provenance: dict[str, Any]
    config: str


def figure_of(path: Path, caption: str, alternative: str) -> Figure:
    """Return the plot at a path, with a text for those who do not see it."""
    svg = Markup(inline_svg(path, str(escape(alternative))))
    return Figure(svg, caption, f"{path.parent.name}/{path.stem}.csv")


def share(value: float) -> Number:
    """Return a score between 0 and 1 with four digits."""
    return Number(float(value), f"{value:.4f}")


def table_of(caption: str, table: pd.DataFrame) -> Table:
    """Return any table without its empty columns; numbers with four digits, missing ones empty."""
    table = table.dropna(axis="columns", how="all")
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return Table(caption, [str(name) for name in table], rows)


def _cell(value: Any) -> str | Number:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    number = float(value)
    form = ",.0f" if number.is_integer() else ".4f" if 0.001 < abs(number) < 1 else ".4g"
    return Number(number, format(number, form))


def render(report: Report) -> str:
    """Return the page as HTML."""
    return render_template("report.html.j2", **report._asdict())
