"""Which edits made each query: `query_id,edits`, the edits' names joined by `;` in their order.

Beside it, of queries that were made here, edits.jsonl: in each line `query_id`, `source_id` (what
was edited) and `edits`, each with `name`, `strength` (0 to 1) and AugLy's `parameters`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.arrays import StrArray, first_where
from iscqk.formats.csv_tables import read_table, write_table
from iscqk.formats.ids import QUERY, as_ids
from iscqk.formats.named_files import read_text

_COLUMNS = ["query_id", "edits"]


def read_query_edits(path: str | Path) -> dict[str, StrArray]:
    """Return for each edit the (m,) queries whose chain includes it, edits in order of name.

    Raises:
        UserError: a query malformed or listed twice.
    """
    table = read_table(path, _COLUMNS)
    queries = as_ids(table["query_id"])
    for wrong, what in (
        (~QUERY.matches(queries), f"is not {QUERY.description}"),
        (table["query_id"].duplicated().to_numpy(), "is there twice"),
    ):
        if (row := first_where(wrong)) is not None:
            raise UserError(f"{path}, row {row + 1}: query '{queries[row]}' {what}; correct it")
    chains = table.assign(edit=table["edits"].str.split(";")).explode("edit")
    chains["edit"] = chains["edit"].str.strip()
    chains = chains[chains["edit"] != ""].drop_duplicates(["query_id", "edit"])
    groups = chains.groupby("edit")["query_id"]
    return {str(edit): group.to_numpy().astype(np.str_) for edit, group in groups}


def write_query_edits(path: str | Path, chains: dict[str, list[str]]) -> None:
    """Write each query's chain of edits, by id of query."""
    rows = [(query, ";".join(edits)) for query, edits in sorted(chains.items())]
    write_table(path, pd.DataFrame(rows, columns=_COLUMNS))


def read_edit_records(path: str | Path) -> list[dict[str, Any]]:
    """Return the lines of an edits.jsonl, none where it is not there; UserError where damaged."""
    if not Path(path).is_file():
        return []
    lines = read_text(path).split("\n")
    return [_record(path, number, line) for number, line in enumerate(lines, 1) if line]


def _record(path: str | Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
        if {"query_id", "edits"} <= found.keys():
            return dict(found)
        reason = "no query_id or no edits"
    except (ValueError, AttributeError, RecursionError) as error:
        reason = str(error)
    raise UserError(f"{path}, line {number}: no record of edits ({reason}); make it again")
