"""Ground truth: `query_id,reference_id`, the reference empty where a query copies nothing.

Two forms go around. The competition's lists every query, distractors with an empty reference, under
a header. The one released after it has positives only and no header. The difference matters to one
of the two official evaluators: see `retrieval.metrics`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, StrArray, first_where
from iscqk.formats.csv_tables import first_row, read_content, read_table, write_table
from iscqk.formats.ids import QUERY, REFERENCE, as_ids, graded_parts, in_half

_COLUMNS = ["query_id", "reference_id"]
_NONE_KNOWN = (
    "is this the ground truth of another phase, or are the files not named by ids of this one "
    "(queries Q00000 to Q49999 in phase 1, Q50000 to Q99999 in phase 2, references R000000 on)?"
)


class Unknown(NamedTuple):
    """How an `{id}` is told that is none of the `{kinds}`, of which one is a `{kind}`."""

    fault: str
    remedy: str


NOT_DESCRIBED = Unknown("no such {kind} was described", "describe them, too, or take them out")
NO_IMAGE = Unknown(
    "no image of the {kinds} is named {id}",
    "name its file {id}.jpg and put it there, and in its list where there is one, or take the row "
    "out",
)


@dataclass(frozen=True)
class GroundTruth:
    """The true pairs, and the queries that were listed at all.

    Attributes:
        query_ids: (p,) query of each true pair.
        reference_ids: (p,) its reference.
        distractors: (m,) queries listed without a reference.
    """

    query_ids: StrArray
    reference_ids: StrArray
    distractors: StrArray

    @property
    def positives_only(self) -> bool:
        """Whether no distractor is listed, as in the files released after the competition."""
        return not len(self.distractors)

    @property
    def listed_queries(self) -> StrArray:
        """All queries listed, sorted, each once."""
        return np.unique(np.concatenate([self.query_ids, self.distractors]))

    def passes_over(self, query_ids: StrArray) -> BoolArray:
        """Return for each of (n,) queries whether it is not listed, and others of its part are.

        Parts are the halves of phase 1, and phase 2.
        """
        numbers, listed = QUERY.numbers(query_ids), self.listed_queries
        is_of_part = np.isin(graded_parts(query_ids), np.unique(graded_parts(listed)))
        return is_of_part & ~np.isin(numbers, QUERY.numbers(listed))

    def among(self, query_ids: StrArray, reference_ids: StrArray) -> "GroundTruth":
        """Return what is true when there are only these queries and references."""
        known = np.isin(self.reference_ids, reference_ids)
        listed = np.isin(self.query_ids, query_ids)
        kept = listed & known
        lost = np.setdiff1d(self.query_ids[listed], self.query_ids[kept])
        others = self.distractors[np.isin(self.distractors, query_ids)]
        return GroundTruth(self.query_ids[kept], self.reference_ids[kept], np.union1d(others, lost))

    def of_half(self, half: str) -> "GroundTruth":
        """Return what is said of the queries of one half of phase 1."""
        kept = in_half(self.query_ids, half)
        distractors = self.distractors[in_half(self.distractors, half)]
        return GroundTruth(self.query_ids[kept], self.reference_ids[kept], distractors)

    def __len__(self) -> int:
        return len(self.query_ids)


def refuse_no_pair(path: str | Path, truth: GroundTruth) -> None:
    """Refuse a ground truth of distractors alone, by which nothing can be scored.

    Raises:
        UserError: it is one; names the file.
    """
    if not len(truth):
        raise UserError(f"{path}: no true pair, so there is no score; take a file that lists them")


def read_ground_truth(
    path: str | Path,
    query_ids: Iterable[str] | None = None,
    reference_ids: Iterable[str] | None = None,
    unknown: Unknown = NOT_DESCRIBED,
) -> GroundTruth:
    """Read a ground truth in either form; ids must be among those given, where given.

    Args:
        path: of the file.
        query_ids: that there are.
        reference_ids: that there are.
        unknown: how to tell of another id.

    Raises:
        UserError: an id malformed or unknown, a row twice, a query listed both with and without
            a reference.
    """
    content = read_content(path)
    if "score" in first_row(path, content):
        what = "has scores, as predictions have, and a ground truth has none"
        raise UserError(f"{path}: {what}; name the ground truth, or take that column out")
    # some write distractors without a comma
    table = read_table(path, _COLUMNS, content=content, may_stop_short=True)
    queries, references = (as_ids(table[name]) for name in _COLUMNS)
    positive = references != ""
    rows = _Rows(path, queries, references)
    rows.refuse(~QUERY.matches(queries), f"the query is not {QUERY.description}; correct it")
    malformed = positive & ~REFERENCE.matches(references)
    rows.refuse(malformed, f"the reference is not {REFERENCE.description}; correct it")
    rows.refuse(table.duplicated().to_numpy(), "is there twice; keep one")
    contradicted = ~positive & np.isin(queries, queries[positive])
    rows.refuse(contradicted, "the query also has a reference; remove one of the rows")
    rows.refuse_unknown(queries, query_ids, unknown, "query", "queries")
    known = None if reference_ids is None else [*reference_ids, ""]
    rows.refuse_unknown(references, known, unknown, "reference", "references")
    return GroundTruth(queries[positive], references[positive], queries[~positive])


def write_ground_truth(path: str | Path, ground_truth: GroundTruth) -> None:
    """Write the official form: a header, every listed query in order, distractors left empty."""
    empty = np.full(len(ground_truth.distractors), "", dtype=np.str_)
    columns = (
        np.concatenate([ground_truth.query_ids, ground_truth.distractors]),
        np.concatenate([ground_truth.reference_ids, empty]),
    )
    table = pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True)))
    write_table(path, table.sort_values(_COLUMNS))


@dataclass(frozen=True)
class _Rows:
    """The rows of a file, for errors that name one."""

    path: str | Path
    queries: StrArray
    references: StrArray

    def refuse(self, wrong: BoolArray, what: str) -> None:
        if (row := first_where(wrong)) is not None:
            pair = f"{self.queries[row]},{self.references[row]}"
            raise UserError(f"{self.path}, row {row + 1} ({pair}): {what}")

    def refuse_unknown(
        self, ids: StrArray, known: Iterable[str] | None, said: Unknown, kind: str, kinds: str
    ) -> None:
        if known is None:
            return
        unknown = ~np.isin(ids, np.asarray(list(known), dtype=np.str_))
        if (row := first_where(unknown)) is None:
            return
        listed, missing = (len(np.unique(part[part != ""])) for part in (ids, ids[unknown]))
        remedy = _NONE_KNOWN if missing == listed > 1 else said.remedy
        what = f"{said.fault} ({missing} of {listed} listed); {remedy}"
        self.refuse(unknown, what.format(id=ids[row], kind=kind, kinds=kinds))
