"""Score models along a training: micro-AP by similarity of each, in one go, without their files.

For the curve over images seen.
"""

import argparse
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.manifest import image_paths, read_manifest, unreadable
from iscqk.formats.phases import PHASES
from iscqk.learning.data_loading import OriginalImages
from iscqk.learning.embedding import embed
from iscqk.models.device import choose_device, set_threads
from iscqk.models.encoder import Encoder
from iscqk.models.weights import load_encoder
from iscqk.retrieval.metrics import (
    CONVENTIONS,
    budget,
    counted_queries,
    judge,
    micro_average_precision,
)
from iscqk.retrieval.predicting import nearest_pairs
from iscqk.retrieval.unmatchable import with_unmatchable
from iscqk.runtime.logs import progress
from iscqk.runtime.options import at_once, count, output_file
from iscqk.schema.kinds import Precision
from iscqk.settings.describe import Describe
from iscqk.settings.score import Score
from iscqk.settings.search import Search

EXAMPLE = r"""iscqk learning-curve --models warm-up round1-k --references data/references.csv \
    --queries data/phase1/queries.csv data/phase2/queries.csv \
    --ground-truth data/phase1/ground_truth.csv data/phase2/ground_truth.csv \
    --output learning_curve.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--models", nargs="+", metavar="DIR", required=True, help="in order")
    parser.add_argument(
        "--sides",
        choices=["q", "k"],
        nargs=2,
        default=["q", "k"],
        help="that describe queries and references",
    )
    parser.add_argument("--references", metavar="MANIFEST", required=True)
    parser.add_argument("--queries", nargs="+", metavar="MANIFEST", required=True)
    parser.add_argument("--ground-truth", nargs="+", metavar="CSV", required=True)
    parser.add_argument("--convention", choices=CONVENTIONS, default=Score.convention)
    parser.add_argument("--max-results", type=count, default=Search.max_results)
    parser.add_argument("--precision", choices=get_args(Precision), default=Describe.precision)
    parser.add_argument("--output", type=output_file, required=True, metavar="CSV")
    parser.add_argument("--threads", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the table; queries and ground truths are those of both phases, in order."""
    set_threads(arguments.threads)
    if not len(arguments.queries) == len(arguments.ground_truth) == len(PHASES):
        raise UserError("--queries and --ground-truth: name a file for each phase")
    rows = []
    models = progress(arguments.models, len(arguments.models), "learning curve, models")
    for model in models:
        query_encoder, encoder = (
            _loaded(f"{model}/{side}.safetensors", arguments) for side in arguments.sides
        )
        references = _described(encoder, arguments.references, "reference", arguments)
        phases = zip(PHASES, arguments.queries, arguments.ground_truth, strict=True)
        for phase, manifest, truth in phases:
            queries = _described(query_encoder, manifest, "query", arguments)
            rows.append((Path(model).name, phase, _micro_ap(queries, references, truth, arguments)))
    write_table(arguments.output, pd.DataFrame(rows, columns=["model", "phase", "micro_ap"]))


Described = tuple[np.ndarray, np.ndarray]


def _loaded(weights: str, arguments: argparse.Namespace) -> Encoder:
    encoder: Encoder = load_encoder(weights).to(choose_device())
    encoder.precision = arguments.precision
    return encoder


def _described(
    encoder: Encoder, manifest: str, side: str, arguments: argparse.Namespace
) -> Described:
    """Return ids (n,) and descriptors (n, D) of a manifest's images."""
    rows = read_manifest(manifest)
    images = OriginalImages(image_paths(rows), encoder.config.image_size)
    blocks = [vectors.numpy() for _, vectors in embed(encoder, images, arguments.threads - 1)]
    vectors = with_unmatchable(np.concatenate(blocks), unreadable(rows), side)
    return rows["id"].to_numpy(dtype=np.str_), vectors


def _micro_ap(
    queries: Described, references: Described, truth: str, arguments: argparse.Namespace
) -> float:
    ground_truth = read_ground_truth(truth, queries[0], references[0])
    counted = counted_queries(queries[0], ground_truth, arguments.convention)
    predictions = nearest_pairs(
        queries[1][counted],
        references[1],
        queries[0][counted],
        references[0],
        min(budget(ground_truth, arguments.convention), arguments.max_results),
        arguments.threads,
    )
    return micro_average_precision(judge(predictions, ground_truth, arguments.convention))
