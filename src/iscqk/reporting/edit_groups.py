"""Scores of groups of queries: by how strongly and how often they were edited."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from iscqk.formats.arrays import StrArray
from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.predictions import Predictions
from iscqk.retrieval.metrics import judge
from iscqk.retrieval.scores_by_edit import table_by_edit

STEP = 0.05  # of strength, in one group

Records = list[dict[str, Any]]  # the lines of an edits.jsonl


def table_by_group(
    predictions: Predictions, ground_truth: GroundTruth, convention: str, records: Records
) -> pd.DataFrame:
    """Return the columns of `table_by_edit` with `grouping` and, in place of edit, `group`.

    Groupings are `strength`, of a query's strongest edit, and `edits`, how many there are.
    """
    judged = judge(predictions, ground_truth, convention)
    groupings = {"strength": _by_strength(records), "edits": _by_count(records)}
    tables = [
        table_by_edit(judged, ground_truth, groups).assign(grouping=name)
        for name, groups in groupings.items()
    ]
    return pd.concat(tables, ignore_index=True).rename(columns={"edit": "group"})


def in_order(groups: Iterable[str]) -> list[str]:
    """Return groups by the number that each begins with: 2 comes before 10."""
    return sorted(groups, key=lambda group: float(group.partition("-")[0]))


def _by_strength(records: Records) -> dict[str, StrArray]:
    strongest = [max((e["strength"] for e in record["edits"]), default=0) for record in records]
    # a strength of 0.6 is 0.6 / 0.05 = 11.999... in floating point, and belongs to 0.60-0.65
    steps = np.floor(np.asarray(strongest) / STEP + 1e-9).astype(int)
    names = {step: f"{step * STEP:.2f}-{(step + 1) * STEP:.2f}" for step in steps}
    return _grouped(records, [names[step] for step in steps])


def _by_count(records: Records) -> dict[str, StrArray]:
    return _grouped(records, [str(len(record["edits"])) for record in records])


def _grouped(records: Records, names: list[str]) -> dict[str, StrArray]:
    queries = pd.Series([record["query_id"] for record in records], index=names, dtype=str)
    return {
        name: queries[queries.index == name].to_numpy().astype(np.str_)
        for name in in_order(set(names))
    }
