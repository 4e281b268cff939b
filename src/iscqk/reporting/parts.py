"""What a page is made of: numbers, tables and figures, each with its data."""

import base64
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup, escape

from iscqk.reporting.inline_svg import inline_svg

_SCORES = ("micro_ap", "recall", "precision", "accuracy")  # beginnings of their columns' names
_LEAST = 0.001  # of what four decimals keep enough of


class Number(NamedTuple):
    """A number in a table: its value to the last digit, and what is shown of it."""

    value: float
    text: str


class Data(NamedTuple):
    """A CSV that the page carries, so that its link works wherever the page is.

    Attributes:
        name: that the link shows, and under which it is saved.
        address: its bytes, as a `data:` address.
    """

    name: str
    address: str


class Table(NamedTuple):
    """A caption, the names of columns, rows; the first column names the row.

    Attributes:
        data: the same as CSV; None where there is none.
        warning: why its numbers do not compare with others on the page; "" where they do.
    """

    caption: str
    head: list[str]
    rows: list[list[str | Number]]
    data: Data | None = None
    warning: str = ""

    @property
    def texts(self) -> set[int]:
        """Columns that hold text."""
        cells = [(n, cell) for row in self.rows for n, cell in enumerate(row)]
        return {n for n, cell in cells if cell and isinstance(cell, str)}


class Figure(NamedTuple):
    """A plot, what it shows, and its data."""

    svg: Markup
    caption: str
    data: Data


def figure_of(path: Path, caption: str, alternative: str) -> Figure:
    """Return the plot at a path, with a text for those who do not see it."""
    svg = Markup(inline_svg(path, str(escape(alternative))))
    return Figure(svg, caption, data_of(path.with_suffix(".csv")))


def data_of(path: Path, name: str = "") -> Data:
    """Return a CSV for the page; without a name under that of its file."""
    code = base64.b64encode(path.read_bytes()).decode("ascii")
    return Data(name or path.name, f"data:text/csv;charset=utf-8;base64,{code}")


def share(value: float) -> Number:
    """Return a score between 0 and 1 with four digits."""
    return Number(float(value), f"{value:.4f}")


def table_of(caption: str, table: pd.DataFrame, data: Data | None = None) -> Table:
    """Return any table without its empty columns; numbers with four digits, missing ones empty.

    A column of shares has four decimals, unless one of them is so small that too little were left
    of it; one of scores has them all the same.
    """
    table = table.dropna(axis="columns", how="all")
    forms = [_form(table[name]) for name in table]
    rows = [list(map(_cell, row, forms)) for row in table.itertuples(index=False)]
    return Table(caption, [str(name) for name in table], rows, data)


def _form(column: pd.Series) -> str:
    """Return how a column's numbers are written; "" where each is by its own size."""
    if not pd.api.types.is_numeric_dtype(column):
        return ""
    sizes = column.dropna().abs()
    if (sizes % 1 == 0).all():
        return ",.0f"
    keeps_all = sizes[sizes > 0].min() >= _LEAST or str(column.name).startswith(_SCORES)
    return ".4f" if keeps_all and sizes.max() <= 1 else ""


def _cell(value: Any, form: str) -> str | Number:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    number = float(value)
    return Number(number, format(number, form or _own_form(number)))


def _own_form(number: float) -> str:
    """Return how a number is written that stands for itself, without an exponent if it is large."""
    if number.is_integer() or abs(number) >= 999.95:
        return ",.0f"
    return ".4f" if _LEAST <= abs(number) < 1 else ".4g"
