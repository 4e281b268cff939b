"""CSV files: writing ours, and reading the challenge's in all the guises in which they go around.

With and without header, byte-order mark, quotes, CRLF: the files released after the competition
are not written like those of the competition. Everything is text here; empty fields are "".
"""

import csv
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.files import replacing


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table with a header line and without its index."""
    # Python's writer leaves a carriage return bare, and readers take it for the end of a line.
    returns = any(
        column.astype(str).str.contains("\r", regex=False).any()
        for _, column in table.select_dtypes(exclude="number").items()
    )
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", quoting=quoting)


def read_table(
    path: str | Path, columns: list[str], types: dict[str, type] | None = None
) -> pd.DataFrame:
    """Return a CSV of exactly these columns, whose header line may be missing.

    Args:
        path: the file, UTF-8.
        columns: their names, in order; a header, if there is one, must say the same.
        types: of columns that are not text; numbers are read to the last bit (pandas >= 3.1).

    Raises:
        UserError: no such file, another number of columns, another header, no number.
    """
    first = _first_row(path)
    header = bool(first) and first[0].strip().lower() == columns[0]
    if header and [name.strip().lower() for name in first] != columns:
        raise UserError(f"{path}: header is {','.join(first)}; it must be {','.join(columns)}")
    if len(first) > len(columns):
        raise UserError(f"{path}: {len(first)} columns; it must have {','.join(columns)}")
    return _read(path, columns, 1 if header else 0, types or {})


def read_listed_ids(path: str | Path) -> list[str]:
    """Return the first column, `id`, of a manifest."""
    first = _first_row(path)
    if not first or first[0].strip() != "id":
        raise UserError(f"{path}: no manifest, its first column must be headed `id`")
    ids: list[str] = _parsed(path, usecols=[0], dtype=str, keep_default_na=False)["id"].tolist()
    return ids


def _first_row(path: str | Path) -> list[str]:
    """Return the fields of a CSV's first line; [] when the file is empty."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; check the path")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV in UTF-8 ({error}); save it as one") from error


def _read(path: str | Path, columns: list[str], skip: int, types: dict[str, type]) -> pd.DataFrame:
    options = {"names": columns, "header": None, "skiprows": skip, "keep_default_na": False}
    dtypes: dict[str, Any] = {name: types.get(name, str) for name in columns}
    try:
        table = _parsed(path, **options, dtype=dtypes, na_values={name: [""] for name in types})
    except ValueError as error:
        table = _parsed(path, **options, dtype=str)
        raise UserError(f"{path}: {_no_number(table, types) or error}") from error
    # a line that stops short leaves its text columns missing
    return table.fillna({name: "" for name in columns if name not in types})


def _parsed(path: str | Path, **options: Any) -> pd.DataFrame:
    """Return pandas' reading of a file, with its complaints as UserError."""
    try:
        return pd.read_csv(path, encoding="utf-8-sig", **options)
    except pd.errors.EmptyDataError:
        return pd.DataFrame({name: pd.Series(dtype=str) for name in options.get("names", ["id"])})
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{path}: cannot be read as CSV ({reason}); repair that line") from error


def _no_number(table: pd.DataFrame, types: dict[str, type]) -> str | None:
    """Return which field of a table of text is not the number it should be."""
    for name in types:
        wrong = pd.to_numeric(table[name], errors="coerce").isna() & (table[name] != "")
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            return f"row {row + 1}: {name} '{table[name].iloc[row]}' is not a number; correct it"
    return None
