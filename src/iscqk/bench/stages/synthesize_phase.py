"""Make up the descriptors of a whole phase, with a ground truth and a micro-AP known beforehand.

For a rehearsal at the challenge's size, or to try an evaluator: shards queries.h5 and
references.h5, ground_truth.csv, lists of the ids that must be there, and expected.json. It is known
where copies are nearer than chance, and a search returns all that are to be found and no others.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from iscqk.bench.synthetic_phase import (
    ROWS_AT_ONCE,
    SyntheticPhase,
    fault_of_size,
    known_micro_ap,
    random_references,
    synthesize_phase,
)
from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray, StrArray
from iscqk.formats.csv_tables import write_table
from iscqk.formats.descriptor_shards import appending_descriptors, descriptor_blocks
from iscqk.formats.files import write_text
from iscqk.formats.ground_truth import GroundTruth, write_ground_truth
from iscqk.formats.ids import REFERENCE, query_id
from iscqk.runtime.logs import progress
from iscqk.runtime.options import count, output_folder
from iscqk.schema.options import value_of
from iscqk.settings.rehearsal import Rehearsal
from iscqk.settings.search import Search

EXAMPLE = "iscqk synthesize-phase --queries 500 --references 10000 --output phase"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    for side in ("queries", "references"):
        parser.add_argument(f"--{side}", type=value_of(Rehearsal, side), required=True)
    parser.add_argument("--dimension", type=count, default=256)
    parser.add_argument(
        "--max-results", type=count, default=Search.max_results, metavar="N",
        help="pairs that the search is to return (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=output_folder, required=True, help="folder")


def run(arguments: argparse.Namespace) -> None:
    """Write the folder."""
    count, total, folder = arguments.queries, arguments.references, arguments.output
    if count > total:
        raise UserError(f"--queries {count}: give no more than references, {total}")
    if fault := fault_of_size(count, total, arguments.dimension, arguments.max_results):
        raise UserError(f"--queries {count}, --references {total}: {fault}")
    queries = np.array([query_id(number, "phase2") for number in range(count)])
    references = np.array([REFERENCE.make(number) for number in range(total)])
    drawn = random_references(total, arguments.dimension, arguments.seed)
    _write(folder / "references", references, arguments.dimension, drawn)
    blocks = (vectors for _, vectors in descriptor_blocks([folder / "references.h5"]))
    planted = synthesize_phase(count, blocks, total, arguments.seed)
    _write(folder / "queries", queries, arguments.dimension, [planted.queries])
    write_ground_truth(folder / "ground_truth.csv", _ground_truth(planted, queries, references))
    expected = {"micro_ap": known_micro_ap(planted), "positives": int(planted.true.sum())}
    write_text(folder / "expected.json", json.dumps(expected, indent=2) + "\n")


def _write(path: Path, ids: StrArray, dimension: int, blocks: Iterable[FloatArray]) -> None:
    """Write a shard and the list of its ids."""
    write_table(path.with_suffix(".csv"), pd.DataFrame({"id": ids}))
    shard, done = path.with_suffix(".h5"), 0
    with appending_descriptors(shard, dimension, {"synthetic": 1}, len(ids)) as appender:
        total = -(-len(ids) // ROWS_AT_ONCE)
        for block in progress(blocks, total, f"synthesize {path.name}, blocks of rows"):
            appender.append(ids[done : done + len(block)], block)
            done += len(block)


def _ground_truth(planted: SyntheticPhase, queries: StrArray, references: StrArray) -> GroundTruth:
    """Return the competition's form, in which distractors are listed too."""
    copies = planted.query[planted.true]
    others = np.delete(queries, copies)
    return GroundTruth(queries[copies], references[planted.reference[planted.true]], others)
