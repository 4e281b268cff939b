"""What a page is made of: numbers, tables and figures, each with the file of its data."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup, escape

from iscqk.reporting.inline_svg import inline_svg


class Number(NamedTuple):
    """A number in a table: its value to the last digit, and what is shown of it."""

    value: float
    text: str


class Table(NamedTuple):
    """A caption, the names of columns, rows; the first column names the row.

    Attributes:
        data: path of the same as CSV, seen from the page; "" where there is none.
    """

    caption: str
    head: list[str]
    rows: list[list[str | Number]]
    data: str = ""

    @property
    def texts(self) -> set[int]:
        """Columns that hold text."""
        cells = [(n, cell) for row in self.rows for n, cell in enumerate(row)]
        return {n for n, cell in cells if cell and isinstance(cell, str)}


class Figure(NamedTuple):
    """A plot, what it shows, and the path of its data, seen from the page."""

    svg: Markup
    caption: str
    data: str


def figure_of(path: Path, caption: str, alternative: str) -> Figure:
    """Return the plot at a path, with a text for those who do not see it."""
    svg = Markup(inline_svg(path, str(escape(alternative))))
    return Figure(svg, caption, data_of(path.with_suffix(".csv")))


def data_of(path: Path) -> str:
    """Return the path of a file of the plots' folder, which lies beside the page, from there."""
    return f"{path.parent.name}/{path.name}"


def share(value: float) -> Number:
    """Return a score between 0 and 1 with four digits."""
    return Number(float(value), f"{value:.4f}")


def table_of(caption: str, table: pd.DataFrame, data: str = "") -> Table:
    """Return any table without its empty columns; numbers with four digits, missing ones empty."""
    table = table.dropna(axis="columns", how="all")
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return Table(caption, [str(name) for name in table], rows, data)


def _cell(value: Any) -> str | Number:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    number = float(value)
    form = ",.0f" if number.is_integer() else ".4f" if 0.001 < abs(number) < 1 else ".4g"
    return Number(number, format(number, form))
