"""Refine a shard of descriptors: join those of several models, whiten, subtract what is common.

Each part is one model's descriptors of the same images. With --projection, which `iscqk whiten`
learned, they are joined and brought to a size allowed; with --training, refined descriptors of
training images, a share of the nearest of these is subtracted. See iscqk.retrieval.refining.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray, StrArray, first_where
from iscqk.formats.descriptor_shards import (
    aligned_blocks,
    appending_descriptors,
    count_descriptors,
    descriptor_blocks,
    provenances,
    stacked,
    training_shards,
)
from iscqk.formats.files import sha256_of
from iscqk.formats.hdf5 import Attributes
from iscqk.models.device import set_threads
from iscqk.retrieval.refining import (
    Projection,
    Refinement,
    load_projection,
    read_projection_facts,
)
from iscqk.runtime.options import at_once, output_file
from iscqk.schema.options import value_of
from iscqk.settings.describe import Describe

EXAMPLE = r"""iscqk refine --part q-phase2-0.h5 --part gist-phase2-0.h5 --weights 1 1 \
    --projection projection.safetensors --output refined-phase2-0.h5"""

_NEAREST = Describe.subtract_nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "--part", type=Path, action="append", required=True,
        help="shard of one model's descriptors; once for each model",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=value_of(Describe, "gist"), nargs="+", default=[1.0], help="of each part"
    )
    parser.add_argument("--projection", type=Path, help="safetensors; needed for several parts")
    parser.add_argument("--training", type=Path, nargs="+", help="refined shards to subtract")
    parser.add_argument(
        "--nearest", type=value_of(Describe, "subtract_nearest"), metavar="N",
        default=_NEAREST, help="of these that are averaged",
    )  # fmt: skip
    parser.add_argument(
        "--share",
        type=value_of(Describe, "subtract"),
        default=Describe.subtract,
        help="of their mean that is subtracted",
    )
    parser.add_argument("--output", type=output_file, required=True)
    parser.add_argument("--threads", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the shard, everything but the training images' descriptors streamed."""
    set_threads(arguments.threads)
    _refuse_unused(arguments)
    count, size = count_descriptors(arguments.part[:1])
    projection = _projection(arguments) if arguments.projection else None
    size = projection.weight.shape[1] if projection else size
    provenance = _provenance(arguments)
    training = _training(arguments, provenance, size)
    refined = Refinement(
        arguments.weights, projection, training, arguments.nearest, arguments.share
    )
    with appending_descriptors(arguments.output, size, provenance, count) as appender:
        for ids, parts in _blocks(arguments):
            rows = refined(parts)
            if (void := first_where(~rows.any(axis=1))) is not None:
                what = f"nothing is left of {ids[void]}, so that it has no direction"
                raise UserError(f"{arguments.part[0]}: {what}; mend that row, or describe it again")
            appender.append(ids, rows)


def _blocks(arguments: argparse.Namespace) -> Iterator[tuple[StrArray, list[FloatArray]]]:
    """Yield ids and the vectors of each part, unit rows where no projection makes them such."""
    if arguments.projection:
        return aligned_blocks([[part] for part in arguments.part])
    return ((ids, [rows]) for ids, rows in descriptor_blocks(arguments.part, unit=True))


def _refuse_unused(arguments: argparse.Namespace) -> None:
    """Refuse what would change no descriptor."""
    if not arguments.projection:
        if len(arguments.part) > 1:
            what = "several need a --projection to one size; `iscqk whiten` makes it"
            raise UserError(f"--part: {what}")
        if arguments.weights != [1.0]:
            raise UserError("--weights: of what a --projection joins; give one, or leave them out")
    if arguments.training and not arguments.share:
        raise UserError("--training: a --share of 0 subtracts nothing; give one, or leave both out")
    if not arguments.training and (arguments.share or arguments.nearest != _NEAREST):
        raise UserError("--share, --nearest: of --training; give it, or leave them out")


def _projection(arguments: argparse.Namespace) -> Projection:
    """Return the projection, which must have been learned of such parts, in this order."""
    path = arguments.projection
    learned = read_projection_facts(path)
    sizes = [count_descriptors([part])[1] for part in arguments.part]
    for key, given in (("weights", arguments.weights), ("dimensions", sizes)):
        if (of := learned.get(key, given)) != given:
            what = f"learned of parts whose {key} are {of}, and here they are {given}"
            raise UserError(f"{path}: {what}; give parts and weights as to `iscqk whiten`")
    return load_projection(path)


def _provenance(arguments: argparse.Namespace) -> Attributes:
    """Return what the shard says of its making: the first part's provenance, and what is done."""
    (_, provenance), *others = provenances(arguments.part)
    facts = {**provenance, "subtract": arguments.share}
    if arguments.share:
        facts["subtract_nearest"] = arguments.nearest
    if arguments.projection:
        facts["projection_sha256"] = sha256_of(arguments.projection)
    if len(others) == len(arguments.weights[1:]) == 1:  # GIST's, in a run
        facts["gist"] = arguments.weights[1]
        facts["gist_weights_sha256"] = others[0][1].get("weights_sha256", "")
    return facts


def _training(
    arguments: argparse.Namespace, provenance: Attributes, size: int
) -> FloatArray | None:
    """Return the descriptors of training images to subtract, refined as these will be."""
    if not arguments.training:
        return None
    expected = {key: provenance.get(key) for key in ("seen", "projection_sha256")}
    shards = training_shards(arguments.training, "refine it again", expected)
    if (found := count_descriptors(shards)[1]) != size:
        what = f"{found} dimensions, and {size} are refined here"
        raise UserError(f"{shards[0]}: {what}; refine training images alike, or name those")
    return stacked(shards, unit=True)
