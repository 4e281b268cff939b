"""Join shards of descriptors to a submission file, ranked as asked; to several, one for a ranking.

`similarity` leaves the descriptors as they are. `log_partition` gives each query one coordinate
more, its log-partition over the descriptors of the training images; see iscqk.retrieval.rankings.
What weights and manifests made the shards goes into the file's attributes, where they say so.
Images that their manifests list as unreadable get descriptors that match nothing.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray, StrArray, first_where
from iscqk.formats.descriptor_shards import (
    BLOCK_ROWS,
    count_descriptors,
    descriptor_blocks,
    provenances,
    refuse_empty,
    refuse_untrainable_shards,
)
from iscqk.formats.hdf5 import Attributes
from iscqk.formats.manifest import read_manifest, unreadable
from iscqk.formats.provenance import Parts, Provenance, by_place, check_parts
from iscqk.formats.submission import NONE, ONCE, write_submission
from iscqk.models.device import set_threads
from iscqk.retrieval.ranking_interface import Ranking
from iscqk.retrieval.rankings import RANKINGS
from iscqk.retrieval.unmatchable import with_unmatchable
from iscqk.runtime.logs import progress
from iscqk.runtime.options import at_once, output_file
from iscqk.schema.options import value_of
from iscqk.settings.describe import Describe

Block = tuple[NDArray, FloatArray]
_DIGESTS = {"manifest_sha256", "weights_sha256"}
# What decides the numbers, as it is where a shard does not tell otherwise.
_UNTOLD = {"seen": ONCE, "gist": 0, "subtract": 0, "projection_sha256": NONE}
_MORE = {"precision", "gist_weights_sha256", "subtract_nearest"}

EXAMPLE = r"""iscqk merge --queries queries.h5 --references references.h5 --training training.h5 \
    --ranking log_partition --output descriptors.h5"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--queries", nargs="+", type=Path, required=True, help="shards")
    parser.add_argument("--references", nargs="+", type=Path, required=True, help="shards")
    parser.add_argument(
        "--manifests", nargs=2, metavar="CSV", help="of queries and references, for the unreadable"
    )
    parser.add_argument("--ranking", choices=[*RANKINGS], nargs="+", required=True)
    parser.add_argument("--training", nargs="*", type=Path, help="shards, for a ranking by a bank")
    parser.add_argument(
        "--temperature", type=value_of(Describe, "temperature"), default=Describe.temperature
    )
    parser.add_argument(
        "--output", type=output_file, nargs="+", required=True, help="of each ranking"
    )
    parser.add_argument("--threads", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write a submission file for each ranking, everything streamed block by block."""
    if len(arguments.ranking) != len(arguments.output):
        raise UserError("--output: name a file for each --ranking")
    shards = {
        role: by_place(provenances(getattr(arguments, role) or []))
        for role in ("queries", "references", "training")
    }
    files = {role: _paths(parts) for role, parts in shards.items()}
    set_threads(arguments.threads)
    made = [_checked(shards, name) for name in arguments.ranking]
    listings = [(path, read_manifest(path)) for path in arguments.manifests or []]
    for name, output, attributes in zip(arguments.ranking, arguments.output, made, strict=True):
        _merge(files, listings, name, output, attributes, arguments)


def _merge(
    files: Mapping[str, list[str | Path]],
    listings: Sequence[tuple[str, pd.DataFrame]],
    name: str,
    output: Path,
    attributes: Attributes,
    arguments: argparse.Namespace,
) -> None:
    ranking = RANKINGS[name]
    query_count, dimension = count_descriptors(files["queries"])
    reference_count, _ = count_descriptors(files["references"])
    queries: Iterator[Block] = descriptor_blocks(files["queries"], ranking.needs_bank)
    references: Iterator[Block] = descriptor_blocks(files["references"], ranking.needs_bank)
    queries = _ranked(queries, ranking, files["training"], arguments.temperature)
    references = ((ids, ranking.of_references(rows)) for ids, rows in references)
    if listings:
        queries = _with_unmatchable(queries, *listings[0], "query")
        references = _with_unmatchable(references, *listings[1], "reference")
    write_submission(
        output,
        dimension + ranking.dimensions,
        (query_count, queries),
        (reference_count, references),
        {"ranking": name, **attributes, **_told_of_ranking(arguments, ranking)},
    )


def _told_of_ranking(arguments: argparse.Namespace, ranking: Ranking) -> Attributes:
    return {"temperature": arguments.temperature} if ranking.needs_bank else {}


def _with_unmatchable(
    blocks: Iterator[Block], manifest: str, rows: pd.DataFrame, side: str
) -> Iterator[Block]:
    """Yield blocks, the unreadable in them described so that they match nothing.

    Raises:
        UserError: the manifest does not list all that is described: it is of the other side.
    """
    listed: StrArray = np.append(rows["id"].to_numpy(dtype=np.str_), "")  # sorted but for the last
    missing = np.append(unreadable(rows), False)
    for ids, vectors in blocks:
        places = np.searchsorted(listed[:-1], ids)
        if (row := first_where(listed[places] != ids)) is not None:
            what = f"does not list {ids[row]}, a {side} that is described"
            raise UserError(f"{manifest}: {what}; name --manifests of queries, then of references")
        if missing.any():
            vectors = with_unmatchable(vectors, missing[places], side)
        yield ids, vectors


def _checked(shards: Mapping[str, Parts], ranking: str) -> Attributes:
    """Refuse shards that do not belong together; return what made them, by role."""
    parts = {"query": shards["queries"], "reference": shards["references"]}
    if RANKINGS[ranking].needs_bank:
        if not shards["training"]:
            raise UserError(f"{ranking} needs --training; give it")
        refuse_untrainable_shards(_paths(shards["training"]))
        parts["training"] = shards["training"]
    for made in parts.values():
        refuse_empty(_paths(made))
    # The bank is described by the model of the references (iscqk.retrieval.ranking_interface).
    reference = parts["reference"][0][1]
    alike = {key: reference.get(key) for key in ("seen", "projection_sha256")}
    same_model = {**alike, "weights_sha256": reference.get("weights_sha256")}
    for role, made in parts.items():
        check_parts(made, "describe it again", same_model if role == "training" else alike)
    count_descriptors([path for made in parts.values() for path in _paths(made)])
    first = {role: _told(made[0][1]) for role, made in parts.items()}
    return {f"{role}_{key}": value for role, made in first.items() for key, value in made.items()}


def _paths(parts: Parts) -> list[str | Path]:
    return [path for path, _ in parts]


def _told(shard: Provenance) -> Attributes:
    """Return what a shard says of its making; of one that does not say how it was seen, digests."""
    if "precision" not in shard:  # others', or of a version that told less
        return {key: shard[key] for key in _DIGESTS & {*shard}}
    return {**_UNTOLD, **{key: shard[key] for key in {*_DIGESTS, *_UNTOLD, *_MORE} & {*shard}}}


def _ranked(
    queries: Iterable[Block], ranking: Ranking, training: list[str | Path], temperature: float
) -> Iterator[Block]:
    shards = training if ranking.needs_bank else []
    parts = count_descriptors(shards)[0] // BLOCK_ROWS + len(shards) if shards else 0
    for ids, vectors in queries:
        blocks = progress(descriptor_blocks(shards, unit=True), parts, "merge, blocks of the bank")
        bank = (block for _, block in blocks)
        yield ids, ranking.of_queries(vectors, bank, temperature)
