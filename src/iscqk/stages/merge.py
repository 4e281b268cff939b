"""Join shards of descriptors to a submission file, ranked as asked.

`similarity` leaves the descriptors as they are. `log_partition` gives each query one coordinate
more, its log-partition over the descriptors of the training images; see iscqk.retrieval.ranking.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from numpy.typing import NDArray

from iscqk.formats.descriptors import FloatArray, count_descriptors, descriptor_blocks
from iscqk.formats.submission import write_submission
from iscqk.models.device import set_threads
from iscqk.retrieval.ranking import with_log_partition, with_zero

Block = tuple[NDArray, FloatArray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--queries", nargs="+", type=Path, required=True, help="shards")
    parser.add_argument("--references", nargs="+", type=Path, required=True, help="shards")
    parser.add_argument("--ranking", choices=["similarity", "log_partition"], required=True)
    parser.add_argument("--training", nargs="*", type=Path, help="shards, for log_partition")
    parser.add_argument("--temperature", type=float, default=0.05, help="of the log-partition")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the submission file, everything streamed block by block."""
    set_threads(arguments.threads)
    query_count, dimension = count_descriptors(arguments.queries)
    reference_count, _ = count_descriptors([*arguments.references])
    queries = descriptor_blocks(arguments.queries)
    references = descriptor_blocks(arguments.references)
    if arguments.ranking == "log_partition":
        dimension += 1
        queries = _ranked(queries, arguments)
        references = ((ids, with_zero(vectors)) for ids, vectors in references)
    write_submission(
        arguments.output,
        dimension,
        (query_count, queries),
        (reference_count, references),
        {"ranking": arguments.ranking},
    )


def _ranked(queries: Iterable[Block], arguments: argparse.Namespace) -> Iterator[Block]:
    for ids, vectors in queries:
        bank = (block for _, block in descriptor_blocks(arguments.training))
        yield ids, with_log_partition(vectors, bank, arguments.temperature)
