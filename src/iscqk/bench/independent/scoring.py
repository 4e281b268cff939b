"""The table of a query set: micro-AP and recall at 90 % precision, by phase and by class of edit.

A class's recall is the share of the copies that carry it, alone or among other classes, whose pair
stands where the whole phase's list still has 90 % precision: how much of what somebody would act on
is found, edit by edit.
"""

import logging
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from iscqk.bench.independent.contenders import Contender, Described, Missing
from iscqk.bench.independent.set_folder import PhaseOfSet, SetFolder
from iscqk.formats.arrays import StrArray
from iscqk.formats.ids import QUERY
from iscqk.formats.predictions import MAX_PREDICTIONS, Predictions
from iscqk.retrieval.metrics import (
    PRECISION_FLOOR,
    Judged,
    judge,
    micro_average_precision,
    precision_recall_curve,
    recall_at_precision,
)
from iscqk.retrieval.search import Pairs, global_search

SCORES = ["method", "phase", "micro_ap", "recall_at_p90", "note"]
BY_CLASS = ["method", "phase", "class", "copies", "recall"]

log = logging.getLogger(__name__)


def score(
    queries: SetFolder, contenders: Mapping[str, Contender], threads: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables with the columns `SCORES` and `BY_CLASS`.

    A contender whose package is missing has a row that says so.
    """
    scores: list[tuple[object, ...]] = []
    by_class: list[tuple[object, ...]] = []
    for method, contender in contenders.items():
        log.info("%s", method)
        try:
            for phase, judged in _judged(queries, contender, threads):
                found = micro_average_precision(judged), recall_at_precision(judged)
                scores.append((method, phase, *found, ""))
                truth = queries.phases[phase].ground_truth.query_ids
                rows = recall_by_class(judged, truth, queries.classes)
                by_class += [(method, phase, *row) for row in rows]
        except Missing as missing:
            scores += [(method, phase, None, None, str(missing)) for phase in queries.phases]
    return pd.DataFrame(scores, columns=SCORES), pd.DataFrame(by_class, columns=BY_CLASS)


def _judged(queries: SetFolder, contender: Contender, threads: int) -> Iterator[tuple[str, Judged]]:
    """Yield each phase with the pairs that a contender finds in it."""
    paths = [path for phase in queries.phases.values() for path in phase.paths]
    described, start = contender(paths, queries.references), 0
    for name, phase in queries.phases.items():
        rows = slice(start, start := start + len(phase.paths))
        part = Described([turned[rows] for turned in described.queries], described.references)
        yield name, _judged_phase(nearest(part, threads), phase, queries.reference_ids)


def _judged_phase(found: Pairs, phase: PhaseOfSet, reference_ids: StrArray) -> Judged:
    predictions = Predictions(
        phase.ids[found.query_index],
        reference_ids[found.reference_index],
        -found.squared_distance,
    )
    return judge(predictions, phase.ground_truth)


def nearest(described: Described, threads: int, count: int = MAX_PREDICTIONS) -> Pairs:
    """Return the `count` nearest pairs, each at the distance of its nearest orientation."""
    ways, queries = len(described.queries), len(described.queries[0])
    found = global_search(
        np.concatenate(described.queries), described.references, ways * count, threads
    )
    # Before any of the `count` nearest pairs lie fewer than `ways * count`, all orientations told.
    pairs = (found.query_index % queries) * len(described.references) + found.reference_index
    first = np.sort(np.unique(pairs, return_index=True)[1])[:count]
    return Pairs(
        found.query_index[first] % queries,
        found.reference_index[first],
        found.squared_distance[first],
    )


def recall_by_class(
    judged: Judged, copies: StrArray, classes: Mapping[str, StrArray]
) -> list[tuple[str, int, float]]:
    """Return each class of which there are copies, their number, and the share that is found.

    Args:
        judged: the whole phase's list.
        copies: (p,) ids of the queries that copy a reference, one each.
        classes: for each class the ids of the queries that carry it.
    """
    curve = precision_recall_curve(judged)
    sure = curve["score"][curve["precision"] >= PRECISION_FLOOR]
    above = judged.correct & (judged.scores >= sure.min()) if len(sure) else judged.correct & False
    found = judged.queries[above]
    carriers = {name: QUERY.numbers(np.intersect1d(ids, copies)) for name, ids in classes.items()}
    return [
        (name, len(queries), float(np.isin(queries, found).mean()))
        for name, queries in carriers.items()
        if len(queries)
    ]
