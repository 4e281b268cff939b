"""Score a submission file or predictions: micro-AP and recall at 90 % precision.

Prints one JSON object. The two official evaluators count differently: --convention fb (default)
takes every query and the best 500,000 pairs; drivendata takes the n queries that the ground truth
lists and the best 10 n pairs of all of them together. Predictions are scored as they are. With
--half, the queries of phase 1's other half count as if they were not there; with --max-results, so
do all pairs after the best N. `found` counts the true pairs (`positives`) that are in the list at
any rank; so does the column of --by-edit.
"""

import argparse
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import StrArray, first_where
from iscqk.formats.csv_tables import write_table
from iscqk.formats.files import unchanged, write_text
from iscqk.formats.ground_truth import GroundTruth, read_ground_truth, refuse_no_pair
from iscqk.formats.hdf5 import is_hdf5
from iscqk.formats.ids import QUERY, in_half, phase_numbers
from iscqk.formats.named_files import is_named_hdf5
from iscqk.formats.phases import HALVES, PHASES
from iscqk.formats.predictions import read_predictions
from iscqk.formats.query_edits import read_query_edits
from iscqk.formats.submission import MAX_DIMENSION, open_submission
from iscqk.retrieval.metrics import (
    CONVENTIONS,
    Judged,
    budget,
    check_scorable,
    counted_queries,
    judge,
    micro_average_precision,
    precision_recall_curve,
    recall_at_precision,
)
from iscqk.retrieval.scores_by_edit import table_by_edit
from iscqk.runtime.options import at_once, count, output_file
from iscqk.settings.score import Score

log = logging.getLogger(__name__)

EXAMPLE = "iscqk score descriptors.h5 ground_truth.csv --convention drivendata"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("file", type=Path, help="submission (HDF5) or predictions (CSV)")
    parser.add_argument("ground_truth", type=Path, help="query_id,reference_id")
    parser.add_argument("--convention", choices=CONVENTIONS, default=Score.convention)
    parser.add_argument(
        "--half", choices=HALVES, help="of phase 1: Q00000-Q24999 are public, the rest private"
    )
    parser.add_argument(
        "--max-results", type=count, metavar="N", help="pairs that count at most, of all queries"
    )
    parser.add_argument("--edits", type=Path, help="CSV query_id,edits; names joined by `;`")
    parser.add_argument("--by-edit", type=output_file, metavar="CSV", help="write a table by edit")
    parser.add_argument(
        "--curve", type=output_file, metavar="CSV", help="write precision and recall"
    )
    parser.add_argument("--output", type=output_file, metavar="JSON", help="write what is printed")
    parser.add_argument("--threads", type=at_once, default=1, help="of the search")


def run(arguments: argparse.Namespace) -> None:
    """Search where needed, score, print, and write what was asked for."""
    if (arguments.by_edit is None) != (arguments.edits is None):
        raise UserError("--by-edit needs --edits and the other way round; give both")
    edits = None if arguments.edits is None else read_query_edits(arguments.edits)
    # by content or by name: a damaged .h5 file must not be reported as a damaged CSV
    is_submission = is_named_hdf5(arguments.file) or is_hdf5(arguments.file)
    score = _score_submission if is_submission else _score_predictions
    judged, ground_truth, counts = score(arguments)
    if edits:
        _refuse_other_edits(arguments, edits, ground_truth)
    _warn_worthless(judged)
    if arguments.half:
        counts["half"] = arguments.half
    text = json.dumps(_summary(judged, arguments.convention, counts), indent=2)
    if edits is not None:
        write_table(arguments.by_edit, table_by_edit(judged, ground_truth, edits))
    if arguments.curve is not None:
        write_table(arguments.curve, precision_recall_curve(judged))
    if arguments.output is not None:
        write_text(arguments.output, text + "\n")
    print(text)


Scored = tuple[Judged, GroundTruth, dict[str, Any]]


def _score_submission(arguments: argparse.Namespace) -> Scored:
    from iscqk.retrieval.predicting import predict  # needs torch; to score predictions does not

    with unchanged(arguments.file) as digest, open_submission(arguments.file) as submission:
        ids = submission.query_ids
        ground_truth = _ground_truth(arguments, ids, submission.reference_ids)
        _refuse_other_phase(arguments, ids, ground_truth)
        check_scorable(ground_truth, arguments.convention)
        if submission.dimension > MAX_DIMENSION:
            log.warning(
                "%d dimensions are over the %d allowed", submission.dimension, MAX_DIMENSION
            )
        counted = counted_queries(ids, ground_truth, arguments.convention)
        of_half = in_half(ids, arguments.half) if arguments.half else np.ones_like(counted)
        counted &= of_half
        _warn_unlisted(arguments, ids[of_half], ground_truth)
        max_results = budget(ground_truth, arguments.convention)
        if arguments.max_results:
            max_results = min(max_results, arguments.max_results)
        predictions = predict(submission, max_results, arguments.threads, counted)
        references = len(submission.reference_ids)
    counts = {
        "queries": int(counted.sum()),
        "references": references,
        "max_results": max_results,
        "scored_sha256": digest,
    }
    return judge(predictions, ground_truth, arguments.convention), ground_truth, counts


def _score_predictions(arguments: argparse.Namespace) -> Scored:
    ground_truth = _ground_truth(arguments)
    with unchanged(arguments.file) as digest:
        predictions = read_predictions(arguments.file)
    _refuse_other_phase(arguments, predictions.query_ids, ground_truth)
    if arguments.half:
        predictions = predictions.at(in_half(predictions.query_ids, arguments.half))
    _refuse_unlisted(arguments, predictions.query_ids, ground_truth)
    _warn_unlisted(arguments, np.unique(predictions.query_ids), ground_truth)
    judged = judge(predictions, ground_truth, arguments.convention)
    queries = np.union1d(QUERY.numbers(ground_truth.listed_queries), judged.queries)
    if arguments.max_results:
        judged = judged.best(arguments.max_results)
    return judged, ground_truth, {"queries": len(queries), "scored_sha256": digest}


def _ground_truth(
    arguments: argparse.Namespace,
    query_ids: StrArray | None = None,
    reference_ids: StrArray | None = None,
) -> GroundTruth:
    """Return the ground truth, or what it says of the half that is asked for."""
    path, half = arguments.ground_truth, arguments.half
    whole = read_ground_truth(path, query_ids, reference_ids)
    refuse_no_pair(path, whole)
    if half is None:
        return whole
    part = whole.of_half(half)
    if not len(part):
        raise UserError(f"{path}: no true pair of the {half} half; take a file that lists them")
    return part


def _refuse_other_phase(
    arguments: argparse.Namespace, queries: StrArray, ground_truth: GroundTruth
) -> None:
    """Refuse queries of a phase of which the ground truth lists none: all would be distractors."""
    listed = np.unique(phase_numbers(ground_truth.listed_queries))
    wrong = ~np.isin(phase_numbers(queries), listed)
    if len(listed) and (row := first_where(wrong)) is not None:
        phases = " and ".join(PHASES[number] for number in listed)
        raise UserError(
            f"{arguments.file}: {queries[row]} is no query of "
            f"{phases}, which {arguments.ground_truth} is of; name the file of that phase"
        )


def _refuse_unlisted(
    arguments: argparse.Namespace, queries: StrArray, ground_truth: GroundTruth
) -> None:
    """Refuse predictions (n,) of queries that a ground truth with distractors should list."""
    unlisted = ground_truth.passes_over(queries)
    if not ground_truth.positives_only and (row := first_where(unlisted)) is not None:
        raise UserError(
            f"{arguments.file}: {unlisted.sum()} of {len(queries)} predictions are of queries "
            f"that {arguments.ground_truth} does not list, though it lists distractors "
            f"({queries[row]} first); take them out, or list these queries, too"
        )


def _refuse_other_edits(
    arguments: argparse.Namespace, edits: Mapping[str, StrArray], ground_truth: GroundTruth
) -> None:
    """Refuse edits of other queries, of which the table by edit would be empty."""
    edited = np.concatenate([*edits.values()])
    if not np.isin(edited, ground_truth.listed_queries).any():
        raise UserError(
            f"{arguments.edits}: of {edited[0]} and others, none of which "
            f"{arguments.ground_truth} lists; name the edits of these queries"
        )


def _warn_worthless(judged: Judged) -> None:
    if not len(judged.scores):
        log.warning("no prediction counts, so the score is 0")
    if len(judged.scores) > 1 and judged.scores.min() == judged.scores.max():
        log.warning(
            "all %d predictions have one score, so they rank nothing; if all descriptors are "
            "alike, train again with a lower learning rate",
            len(judged.scores),
        )


def _warn_unlisted(
    arguments: argparse.Namespace, queries: StrArray, ground_truth: GroundTruth
) -> None:
    """Tell of queries that are not listed; of positives alone fb takes them for distractors."""
    is_fb = arguments.convention == "fb"
    listed = int(counted_queries(queries, ground_truth, "drivendata").sum())
    if listed == len(queries) or (is_fb and ground_truth.positives_only):
        return
    what = "; the others count as distractors (--convention drivendata leaves them out)"
    log.warning(
        "the ground truth lists %d of %d queries%s",
        listed,
        len(queries),
        what if is_fb else "; the drivendata convention leaves the others out",
    )


def _summary(judged: Judged, convention: str, counts: dict[str, Any]) -> dict[str, Any]:
    """Return what is printed."""
    return {
        "micro_ap": micro_average_precision(judged),
        "recall_at_p90": recall_at_precision(judged),
        "convention": convention,
        "positives": judged.positives,
        "found": int(judged.correct.sum()),
        "predictions": len(judged.scores),
        **counts,
    }
