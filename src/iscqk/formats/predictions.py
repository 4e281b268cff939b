"""Predictions: `query_id,reference_id,score`, a higher score for a likelier copy.

The challenge's own code printed scores with six decimals, which made ties of different scores and
moved micro-AP; ours are written so that they are read back to the last bit. Its evaluator took at
most 500,000 rows (isc2021 `isc/io.py`, `scripts/compute_metrics.py`).
"""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, DoubleArray, IntArray, StrArray, first_where
from iscqk.formats.csv_tables import read_content, read_table, write_table
from iscqk.formats.ids import QUERY, REFERENCE, as_ids, pair_keys, repeated

log = logging.getLogger(__name__)

MAX_PREDICTIONS = 500_000
_COLUMNS = ["query_id", "reference_id", "score"]


@dataclass(frozen=True)
class Predictions:
    """(n,) query ids, reference ids and scores: a pair is there once, a score is finite.

    Raises:
        UserError: naming the first row that is otherwise. Official ones add up duplicates to a
            micro-AP of 2 (DrivenData) or stop (FB); so do we.
    """

    query_ids: StrArray
    reference_ids: StrArray
    scores: DoubleArray

    def __post_init__(self) -> None:
        remedy = "correct it, or write the file again with `iscqk search`"
        for ids, form in ((self.query_ids, QUERY), (self.reference_ids, REFERENCE)):
            self._refuse(
                ~form.matches(ids), f"the {form.kind} id is not {form.description}", remedy
            )
        self._refuse(~np.isfinite(self.scores), "the score is not a finite number", remedy)
        self._refuse(repeated(self.keys), "the pair is there twice", "keep one of each pair")

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def keys(self) -> IntArray:
        """Return (n,) integers that tell pairs apart; see `ids.pair_keys`."""
        return pair_keys(self.query_ids, self.reference_ids)

    def at(self, rows: IntArray | BoolArray) -> "Predictions":
        """Return the predictions in (m,) rows, or where a (n,) mask holds."""
        return Predictions(self.query_ids[rows], self.reference_ids[rows], self.scores[rows])

    def with_more(self, others: "Predictions") -> "Predictions":
        """Return these and other predictions."""
        return Predictions(
            np.concatenate([self.query_ids, others.query_ids]),
            np.concatenate([self.reference_ids, others.reference_ids]),
            np.concatenate([self.scores, others.scores]),
        )

    def _refuse(self, wrong: BoolArray, what: str, remedy: str) -> None:
        if (row := first_where(wrong)) is not None:
            pair = f"{self.query_ids[row]},{self.reference_ids[row]},{self.scores[row]}"
            raise UserError(f"predictions, row {row + 1} ({pair}): {what}; {remedy}")


def read_predictions(path: str | Path) -> Predictions:
    """Read a CSV of at most 500,000 predictions, with or without header.

    Raises:
        UserError: too many rows, or anything that `Predictions` refuses.
    """
    content = read_content(path)
    if not content.endswith((b"\n", b"\r")):
        log.warning("%s: its last line has no end, as where a file is cut short", path)
    # what lacks a score or an id is refused below, with its row
    table = read_table(path, _COLUMNS, {"score": np.float64}, content, may_stop_short=True)
    if len(table) > MAX_PREDICTIONS:
        raise UserError(
            f"{path}: {len(table)} predictions; the challenge takes the best {MAX_PREDICTIONS}"
        )
    queries, references, scores = (table[name] for name in _COLUMNS)
    try:
        return Predictions(as_ids(queries), as_ids(references), scores.to_numpy())
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def write_predictions(path: str | Path, predictions: Predictions) -> None:
    """Write predictions in their order, scores with as many digits as tell them apart."""
    columns = (predictions.query_ids, predictions.reference_ids, predictions.scores)
    write_table(path, pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True))))
