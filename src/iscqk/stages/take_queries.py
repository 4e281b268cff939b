"""Take the queries of a phase that the user has, with their ground truth.

With a list file only the queries in it count, and none of them may be missing. The ground truth is
written in the official form; a query or reference that it names must exist, which is told before
any image is looked at. Queries that cannot be read are told all at once; or, by quarantine, they
are listed and keep their id, with a size of 0.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

from iscqk.formats.csv_tables import write_table
from iscqk.formats.ground_truth import (
    NO_IMAGE,
    GroundTruth,
    read_ground_truth,
    refuse_no_pair,
    write_ground_truth,
)
from iscqk.formats.image_shards import is_named_as_shard
from iscqk.formats.manifest import read_manifest, write_manifest
from iscqk.formats.phases import PHASES
from iscqk.formats.query_edits import write_query_edits
from iscqk.images import quarantine
from iscqk.images.finding import find_images
from iscqk.images.ingestion import (
    LEAVE_OUT,
    LEAVE_OUT_ANEW,
    LEAVE_OUT_BY_LIST,
    SPLIT_IDS,
    ids_for_truth,
    listing_of,
    overlaps,
)
from iscqk.images.official_names import check_official
from iscqk.runtime.options import output_file
from iscqk.settings.dataset import BadImages
from iscqk.stages.shared.quarantine import add_quarantine_options

EXAMPLE = r"""iscqk take-queries --phase phase1 --queries pictures/queries \
    --ground-truth ground_truth.csv --training data/training.csv \
    --references data/references.csv \
    --output queries.csv complete_ground_truth.csv edits.csv quarantined.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--phase", choices=PHASES, required=True)
    parser.add_argument("--queries", nargs="+", metavar="PATH", required=True)
    parser.add_argument("--ground-truth", metavar="CSV", required=True)
    parser.add_argument("--list", metavar="FILE", help="an image's name in each line")
    parser.add_argument("--training", metavar="MANIFEST", required=True)
    parser.add_argument("--references", metavar="MANIFEST", required=True)
    add_quarantine_options(parser)
    parser.add_argument(
        "--output", type=output_file, nargs=4, required=True,
        metavar=("QUERIES", "GROUND_TRUTH", "EDITS", "BAD"),
        help="their manifest, ground truth, edits, and those that cannot be read, CSV",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Write what is known of the queries; of edits nothing is."""
    manifest, ground_truth, edits, bad = arguments.output
    paths = find_images(arguments.queries, arguments.list)
    split = SPLIT_IDS[arguments.phase]
    if arguments.official:
        check_official(paths, split, bool(arguments.list))
    references = read_manifest(arguments.references)["id"]
    truth = read_ground_truth(
        arguments.ground_truth, ids_for_truth(paths, split), references, NO_IMAGE
    )
    refuse_no_pair(arguments.ground_truth, truth)
    listing = listing_of(paths, split, arguments.workers)
    if arguments.bad_images == "error":
        quarantine.refuse_bad([listing])
    queries = quarantine.set_aside(listing, arguments.phase, graded=True)
    training = read_manifest(arguments.training)
    remedy = _remedy(arguments.queries, arguments.bad_images)
    quarantine.refuse_all(overlaps(training, queries, arguments.phase, remedy))
    write_manifest(manifest, queries)
    write_table(bad, quarantine.quarantined([listing]))
    write_ground_truth(ground_truth, _completed(truth, queries["id"]))
    write_query_edits(edits, {})


def _remedy(queries: Sequence[str], bad_images: BadImages) -> str:
    """Return what to do about a training image that is a query, too.

    `prepare` leaves it out by quarantine where it is told of the queries: of those in folders that
    are named when it runs (`PlannedImages.queries_beforehand`).
    """
    if any(map(is_named_as_shard, queries)):
        return LEAVE_OUT_BY_LIST
    return LEAVE_OUT_ANEW if bad_images == "quarantine" else LEAVE_OUT


def _completed(truth: GroundTruth, query_ids: pd.Series) -> GroundTruth:
    """List queries that a truth leaves out as the distractors that they are.

    Otherwise the DrivenData convention would silently drop them and inflate the score. One with
    distractors may be of a half of phase 1 alone, and then says nothing of the other.
    """
    queries = query_ids.to_numpy(dtype=np.str_)
    if not truth.positives_only:
        queries = queries[truth.passes_over(queries)]
    distractors = np.setdiff1d(np.union1d(truth.distractors, queries), truth.query_ids)
    return GroundTruth(truth.query_ids, truth.reference_ids, distractors)
