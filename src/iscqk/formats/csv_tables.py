"""CSV files: writing ours, and reading the challenge's in all the guises in which they go around.

With and without header, byte-order mark, quotes, CRLF: the files released after the competition
are not written like those of the competition. Everything is text here; empty fields are "".
"""

import csv
import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.arrays import first_where
from iscqk.formats.files import atomic_file
from iscqk.formats.path_checks import refuse_missing

# A manifest of a million images takes a seventh; nothing larger is worth the memory it would take.
_MAX_BYTES = 2**30
_MAX_LINE = 2**16  # in bytes; the longest path has 4,096
_WHOLE = r"\s*[+-]?\d{1,18}\s*"
_TRUTHS = (b"True", b"TRUE", b"true", b"False", b"FALSE", b"false")  # numbers to pandas


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as UTF-8, with a header line and without its index.

    Names of files that are not UTF-8 get escapes; what is to be opened again has to be refused.
    """
    # Python's writer leaves a carriage return bare, and readers take it for the end of a line.
    returns = any(
        column.astype(str).str.contains("\r", regex=False).any()
        for _, column in table.select_dtypes(exclude="number").items()
    )
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    with atomic_file(path) as temporary:
        table.to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            quoting=quoting,
            encoding="utf-8",
            errors="backslashreplace",
        )


def read_table(
    path: str | Path,
    columns: list[str],
    types: dict[str, type] | None = None,
    content: bytes | None = None,
    may_stop_short: bool = False,
) -> pd.DataFrame:
    """Return these columns of a CSV, in this order.

    Args:
        path: the file, UTF-8.
        columns: their names. A header may name them in any order and others beside them; without
            one there are just these.
        types: of columns that are not text; numbers are read to the last bit (pandas >= 3.1).
        content: of the file, where `read_content` has read it already.
        may_stop_short: whether a row may lack its last fields, which are empty then. Not the last
            row where that lacks the end of its line, too: the file may be cut short there.

    Raises:
        UserError: no such file, an empty one, columns that are missing or cannot be told apart, no
            number, a row that stops short.
    """
    content = read_content(path) if content is None else content
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        raise UserError(f"{path}: empty, as a file whose writing was cut short; make it again")
    first = first_row(path, content)
    header = _header(path, first, columns)
    if not header and len(first) > len(columns):
        raise UserError(f"{path}: {len(first)} columns; it must have {','.join(columns)}")
    names, skip = header or columns, 1 if header else 0
    table = _read(path, content, names, skip, types or {})
    if not (may_stop_short and content.endswith((b"\n", b"\r"))):
        _refuse_short_rows(path, content, len(names), len(table) + skip, may_stop_short)
    return table[columns]


def read_whole_table(
    path: str | Path,
    needed: Sequence[str] = (),
    separator: str = ",",
    numbers: Sequence[str] = (),
    may_be_empty: bool = False,
) -> pd.DataFrame:
    """Return all columns of a table with a header, numbers where a column has no other values.

    Only an empty field is a missing one: `null` may be a row's label.

    Args:
        path: of a table that a program wrote: one of ours, or Snakemake.
        needed: columns that there must be.
        separator: of its fields.
        numbers: those of them that hold a finite number in every row.
        may_be_empty: whether there may be no row in them.

    Raises:
        UserError: no such file, no table, a column is missing, or a number.
    """
    try:
        table = pd.read_csv(
            io.BytesIO(read_content(path)), sep=separator, keep_default_na=False, na_values=[""]
        )
    except ValueError as error:  # pandas' own errors are such
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{path}: cannot be read as a table ({reason}); make it again") from None
    if missing := [name for name in needed if name not in table.columns]:
        raise UserError(f"{path}: no column {missing[0]}; name another table, or make it again")
    if needed and not len(table) and not may_be_empty:
        raise UserError(f"{path}: a table without a row; name another, or make it again")
    for name in numbers:
        refuse_no_numbers(path, table[name])
    return table


def refuse_no_numbers(path: str | Path, column: "pd.Series[Any]") -> None:
    """Raise UserError where a column of a file's table is no finite number in every row."""
    wrong = ~np.isfinite(pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64))
    if (row := first_where(wrong)) is not None:
        what = f"{column.name} '{column.iloc[row]!s:.40}' is no finite number"
        raise UserError(f"{path}, row {row + 1}: {what}; name another table, or make it again")


def _header(path: str | Path, first: list[str], columns: list[str]) -> list[str]:
    """Return the names in a header, those of other columns made unique; [] where there is none.

    Raises:
        UserError: a column is missing or there twice, or commas are not what parts the fields.
    """
    names = [name.strip().lower() for name in first]
    for mark, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 < len(columns) and mark in names[0]:
            raise UserError(f"{path}: {called} part its fields; save it with commas")
    if not set(names) & set(columns):
        return []
    if any(names.count(name) != 1 for name in columns):
        raise UserError(f"{path}: header is {','.join(first)}; it must have {','.join(columns)}")
    return [name if name in columns else f"column {n}" for n, name in enumerate(names)]


def read_listed_ids(path: str | Path) -> list[str]:
    """Return the first column, `id`, of a manifest."""
    content = read_content(path)
    first = first_row(path, content)
    if not first or first[0].strip() != "id":
        raise UserError(f"{path}: no manifest, its first column must be headed `id`")
    names = ["id", *map(str, range(1, len(first)))]
    options = {"header": None, "skiprows": 1, "names": names, "usecols": [0]}
    table = _parsed(path, content, **options, dtype=str, keep_default_na=False)
    ids: list[str] = table.iloc[:, 0].tolist()
    return ids


def read_content(path: str | Path) -> bytes:
    """Return the bytes of a file that may be a CSV.

    Raises:
        UserError: no such file, or nothing that should be parsed: NUL bytes, which numpy would
            drop from the end of an id, or lines and files far beyond any of the challenge.
    """
    refuse_missing(path)
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if len(content) > _MAX_BYTES:
        raise UserError(f"{path}: over {_MAX_BYTES} bytes; no list of the challenge is that long")
    if b"\0" in content:
        raise UserError(f"{path}: not a CSV in UTF-8 (it has NUL bytes); save it as one")
    _refuse_long_lines(path, content)
    return content


def _refuse_long_lines(path: str | Path, content: bytes) -> None:
    characters = np.frombuffer(content, dtype=np.uint8)
    ends = np.flatnonzero((characters == ord("\n")) | (characters == ord("\r")))
    lengths = np.diff(ends, prepend=-1, append=len(content))
    if lengths.max() > _MAX_LINE:
        line = content.count(b"\n", 0, int(lengths[: lengths.argmax()].sum())) + 1
        raise UserError(f"{path}: line {line} has over {_MAX_LINE} bytes; repair that line")


def first_row(path: str | Path, content: bytes) -> list[str]:
    """Return the fields of a CSV's first line; [] when that is empty."""
    line = re.match(rb"[^\r\n]*", content)
    assert line is not None
    try:
        return next(csv.reader([line.group().decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV in UTF-8 ({error}); save it as one") from error


def _read(
    path: str | Path, content: bytes, columns: list[str], skip: int, types: dict[str, type]
) -> pd.DataFrame:
    options = {"names": columns, "header": None, "skiprows": skip, "keep_default_na": False}
    dtypes: dict[str, Any] = {name: types.get(name, str) for name in columns}
    try:
        na_values = {name: [""] for name in types}
        table = _parsed(path, content, **options, dtype=dtypes, na_values=na_values)
        suspect = np.float64 in types.values() and any(word in content for word in _TRUTHS)
        reason = ""
    except (ValueError, OverflowError) as error:  # the latter of too many digits
        suspect, reason = True, " ".join(str(error).split())
    text = _parsed(path, content, **options, dtype=str) if suspect else None
    if text is not None and (reason := _no_number(text, types) or reason):
        raise UserError(f"{path}: {reason}")
    return table


def _refuse_short_rows(
    path: str | Path, content: bytes, columns: int, lines: int, only_last: bool
) -> None:
    """Refuse a row, or a last one, of too few fields: pandas reads the missing ones as empty."""
    if content.count(b",") == (columns - 1) * lines and b'"' not in content:
        return  # as no row has more, none has fewer
    rows, is_short = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")), False
    try:
        for row in rows:
            is_short = len(row) < columns and bool("".join(row).strip())  # a blank line is no row
            if is_short and not only_last:
                what = f"line {rows.line_num} has fewer fields than columns"
                raise UserError(f"{path}: {what}; repair it, or make the file again")
        if is_short:
            what = "its last line has no end and fewer fields than columns"
            raise UserError(f"{path}: {what}; end it with a line break, or make the file again")
    except csv.Error as error:
        raise UserError(f"{path}: cannot be read as CSV ({error}); repair it") from error


def _parsed(path: str | Path, content: bytes, **options: Any) -> pd.DataFrame:
    """Return pandas' reading of a file, with its complaints as UserError."""
    try:
        with warnings.catch_warnings():
            # a first row of too many fields: pandas would make an index of its first ones
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.BytesIO(content), encoding="utf-8-sig", index_col=False, **options
            )
    except pd.errors.EmptyDataError:
        return pd.DataFrame({name: pd.Series(dtype=str) for name in options["names"]})
    except pd.errors.ParserWarning as error:
        raise UserError(f"{path}: a row has more fields than columns; repair it") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{path}: cannot be read as CSV ({reason}); repair that line") from error


def _no_number(table: pd.DataFrame, types: dict[str, type]) -> str | None:
    """Return which field of a table of text is not the number it should be."""
    for name, kind in types.items():
        if kind is np.int64:
            what = "a number, whole and of 18 digits at most"
            wrong = ~table[name].str.fullmatch(_WHOLE)
        else:
            what = "a number"
            wrong = pd.to_numeric(table[name], errors="coerce").isna()
        wrong &= table[name] != ""
        if (row := first_where(wrong)) is not None:
            return f"row {row + 1}: {name} '{table[name].iloc[row]:.40}' is not {what}; correct it"
    return None
