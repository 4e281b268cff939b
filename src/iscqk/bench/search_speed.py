"""Search and scoring beside what else there is for them, on one machine in one run."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from iscqk.bench.measuring import Measured, median_seconds, take_turns
from iscqk.formats.arrays import FloatArray, IntArray
from iscqk.formats.ground_truth import GroundTruth
from iscqk.formats.predictions import Predictions
from iscqk.models.device import has_bfloat16
from iscqk.retrieval.faiss_library import load_faiss
from iscqk.retrieval.metrics import judge, micro_average_precision
from iscqk.retrieval.search import Pairs, global_search

OURS = "iscqk search"
Contenders = dict[str, Callable[[], object]]
_BLOCK = 2048  # of the bare products
_ENOUGH = 60.0  # seconds after which a way gets no more turns


class Timed(NamedTuple):
    """Median seconds of a way, its peak of memory, and what its first run found."""

    seconds: float
    extra_mib: float
    found: Any


def compare(contenders: Contenders, repeats: int) -> dict[str, Timed]:
    """Let each way take turns with the others and return what it took."""
    runs = take_turns(contenders, repeats, _ENOUGH)
    return {name: _summary(measured) for name, measured in runs.items()}


def _summary(runs: list[Measured]) -> Timed:
    least = min(one.extra_mib for one in runs)
    return Timed(median_seconds(runs), least, runs[0].found)


def searches(
    queries: FloatArray, references: FloatArray, max_results: int, threads: int
) -> Contenders:
    """Return the ways to the `max_results` nearest pairs, and the bare product of the shapes.

    The published evaluator's (isc2021 `isc/descriptor_matching.py`) starts from an endless radius
    and cuts it back as results come in. A range search that is told the right radius beforehand
    cannot be had, but is the least that faiss can do. Either is given an index that is filled.
    """
    faiss = load_faiss()
    faiss.omp_set_num_threads(threads)
    torch.set_num_threads(threads)
    index = faiss.IndexFlatL2(queries.shape[1])
    index.add(references)
    # past the last pair by less than float32 tells, so that rounding loses none
    last = global_search(queries, references, max_results, threads).squared_distance[-1]
    radius = float(last) * (1 + 1e-6)
    return {
        "bare product": lambda: _products(queries, references),
        OURS: lambda: global_search(queries, references, max_results, threads),
        "published evaluator": lambda: published_search(index, queries, max_results),
        "faiss range search, radius known": lambda: range_search(index, queries, radius),
    }


def published_search(index: Any, queries: FloatArray, max_results: int) -> Pairs:
    """Return what the published evaluator finds: pairs and float32 distances, in no order."""
    exhaustive_search = load_faiss().contrib.exhaustive_search
    _, limits, distances, ids = exhaustive_search.range_search_max_results(
        index,
        exhaustive_search.exponential_query_iterator(queries),
        1e10,
        max_results=2 * max_results,
        min_results=max_results,
    )
    found = _pairs(limits, distances, ids)
    if len(distances) <= max_results:
        return found
    kept = distances.argpartition(max_results)[:max_results]
    return Pairs(*(part[kept] for part in found))


def range_search(index: Any, queries: FloatArray, radius: float) -> Pairs:
    """Return the pairs within a radius and their float32 distances."""
    limits, distances, ids = index.range_search(queries, radius)
    return _pairs(limits, distances, ids)


def _pairs(limits: IntArray, distances: FloatArray, ids: IntArray) -> Pairs:
    """Return faiss's results: those of query i lie from limits[i] to limits[i + 1]."""
    rows = np.repeat(np.arange(len(limits) - 1), np.diff(limits).astype(np.int64))
    return Pairs(rows, ids, distances.astype(np.float64))


def scorings(predictions: Predictions, ground_truth: GroundTruth) -> Contenders:
    """Return the ways to the micro-AP of predictions, which come query by query as found."""
    predictions = predictions.at(np.argsort(predictions.keys))
    rows = list(
        zip(
            predictions.query_ids.tolist(),
            predictions.reference_ids.tolist(),
            predictions.scores.tolist(),
            strict=True,
        )
    )
    true = zip(ground_truth.query_ids.tolist(), ground_truth.reference_ids.tolist(), strict=True)
    pairs = set(true)
    return {
        "iscqk score": lambda: micro_average_precision(judge(predictions, ground_truth)),
        "definition, pair by pair": lambda: literal_micro_ap(rows, pairs),
    }


def literal_micro_ap(rows: list[tuple[str, str, float]], true: set[tuple[str, str]]) -> float:
    """Return micro-AP as the challenge's paper and code define it, a prediction at a time."""
    ordered = sorted(rows, key=lambda row: (-row[2], (row[0], row[1]) in true))
    hits, before, total = 0, 0.0, 0.0
    for rank, (query, reference, _) in enumerate(ordered, start=1):
        hits += (query, reference) in true
        recall = hits / len(true)
        total += (recall - before) * hits / rank
        before = recall
    return total


def rates(timed: dict[str, Timed], ours: str) -> Iterator[dict[str, object]]:
    """Yield a row for each way: its seconds, and how many times longer than ours it takes."""
    least = timed[ours].seconds
    for name, one in timed.items():
        yield {
            "way": name,
            "seconds": one.seconds,
            "times_ours": one.seconds / least,
            "extra_mib": one.extra_mib,
        }


def _products(queries: FloatArray, references: FloatArray) -> None:
    """Do the arithmetic that no exact search can do without, in bfloat16 where that is fast."""
    dtype = torch.bfloat16 if has_bfloat16(torch.device("cpu")) else torch.float32
    left, right = (torch.from_numpy(side).to(dtype) for side in (queries, references))
    for rows in right.split(_BLOCK):
        for block in left.split(_BLOCK):
            block @ rows.T
