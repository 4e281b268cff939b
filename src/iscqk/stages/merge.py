"""Join shards of descriptors to a submission file, ranked as asked.

`similarity` leaves the descriptors as they are. `log_partition` gives each query one coordinate
more, its log-partition over the descriptors of the training images; see iscqk.retrieval.ranking.
What weights and manifests made the shards goes into the file's attributes, where they say so.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from numpy.typing import NDArray

from iscqk.errors import UserError
from iscqk.formats.descriptors import FloatArray, count_descriptors, descriptor_blocks, origins
from iscqk.formats.origins import Origin, check_parts
from iscqk.formats.submission import write_submission
from iscqk.models.device import set_threads
from iscqk.retrieval.ranking import with_log_partition, with_zero

Block = tuple[NDArray, FloatArray]
_CARRIED = ("manifest_sha256", "weights_sha256")


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
    attributes = _checked(arguments)
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
        {"ranking": arguments.ranking, **attributes},
    )


def _checked(arguments: argparse.Namespace) -> Origin:
    """Refuse shards that do not belong together; return what made them, by role."""
    ranked = arguments.ranking == "log_partition"
    if ranked and (not arguments.training or arguments.temperature <= 0):
        raise UserError("log_partition needs --training and a --temperature over 0; give both")
    shards = {"query": arguments.queries, "reference": arguments.references}
    made: dict[str, str | int | float] = {}
    expected: dict[str, object] = {}
    for role, paths in {**shards, **({"training": arguments.training} if ranked else {})}.items():
        parts = origins(paths)
        check_parts(parts, "describe it again", expected if role == "training" else None)
        digests = {key: value for key, value in parts[0][1].items() if key in _CARRIED}
        made |= {f"{role}_{key}": value for key, value in digests.items()}
        # The bank is described by the model of the references (iscqk.retrieval.ranking).
        expected = {"weights_sha256": digests.get("weights_sha256")}
    sizes = {count_descriptors(paths)[1] for paths in shards.values()}
    if len(sizes) > 1:
        raise UserError(
            f"{arguments.references[0]}: queries and references have {sizes} dimensions; "
            "describe them with two sides of one run"
        )
    return made


def _ranked(queries: Iterable[Block], arguments: argparse.Namespace) -> Iterator[Block]:
    for ids, vectors in queries:
        bank = (block for _, block in descriptor_blocks(arguments.training))
        yield ids, with_log_partition(vectors, bank, arguments.temperature)
