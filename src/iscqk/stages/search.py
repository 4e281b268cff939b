"""Find the globally nearest (query, reference) pairs of a submission file.

Exact: every query is compared with every reference by squared L2 distance, and the nearest pairs
over all of them are kept, as the challenge does it. Writes query_id,reference_id,score with
score = -(squared distance), best first. With --shard only a part of the references is searched;
`iscqk combine` makes one list of what the parts give.
"""

import argparse
import logging
from pathlib import Path

from iscqk.formats.manifest import shard_bounds
from iscqk.formats.predictions import write_predictions
from iscqk.formats.submission import open_submission
from iscqk.runtime.imports import importing
from iscqk.runtime.options import at_once, count, output_file
from iscqk.schema.options import value_of
from iscqk.settings.search import Search

log = logging.getLogger(__name__)

EXAMPLE = "iscqk search descriptors.h5 --output predictions.csv --max-results 500000"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("file", type=Path, help="submission, HDF5")
    parser.add_argument("--output", type=output_file, required=True, help="predictions, CSV")
    parser.add_argument(
        "--max-results",
        type=value_of(Search, "max_results"),
        default=Search.max_results,
        metavar="N",
        help="pairs to keep, over all queries together (default %(default)s, the challenge's)",
    )
    parser.add_argument("--shard", type=int, default=0, help="of the references")
    parser.add_argument("--shards", type=count, default=1)
    parser.add_argument("--threads", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Search and write the predictions."""
    with importing():
        from iscqk.retrieval.predicting import predict

    with open_submission(arguments.file) as submission:
        part = shard_bounds(len(submission.reference), arguments.shard, arguments.shards)
        predictions = predict(submission, arguments.max_results, arguments.threads, part=part)
        pairs = len(submission.query) * (part[1] - part[0])
    write_predictions(arguments.output, predictions)
    log.info("%s: kept %d of %d pairs", arguments.output, len(predictions), pairs)
