"""Learn the partly whitened PCA that brings joined descriptors of images to a size allowed.

Of one --size and --whitening it is of all that is joined; of as many as there are parts, each part
has its own. From training images only; `iscqk refine` applies it.
"""

import argparse
from pathlib import Path

from iscqk.errors import UserError
from iscqk.formats.descriptor_shards import (
    aligned_blocks,
    count_descriptors,
    descriptor_blocks,
    refuse_unaligned,
    training_shards,
)
from iscqk.models.device import set_threads
from iscqk.retrieval.refining import (
    Projection,
    fit_projection,
    fit_projections,
    joined,
    save_projection,
)
from iscqk.runtime.options import at_once, count, output_file
from iscqk.schema.options import value_of
from iscqk.settings.describe import Describe

EXAMPLE = r"""iscqk whiten --part k-training-0.h5 --part gist-training-0.h5 --weights 1 1 \
    --whitening 0.5 --size 255 --output projection.safetensors"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "--part", nargs="+", type=Path, action="append", required=True,
        help="shards of one model's descriptors of the training images; once for each model",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=value_of(Describe, "gist"), nargs="+", default=[1.0], help="of each part"
    )
    parser.add_argument(
        "--whitening", type=value_of(Describe, "whitening"), nargs="+", required=True,
        help="0 none, 1 full",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=count, nargs="+", required=True, help="dimensions that remain"
    )
    parser.add_argument("--output", type=output_file, required=True, help="safetensors")
    parser.add_argument("--threads", type=at_once, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Write the projection; a block of descriptors is in memory at a time."""
    set_threads(arguments.threads)
    parts = [training_shards(shards, "describe it again") for shards in arguments.part]
    count, _ = count_descriptors(parts[0])
    if count < 2:
        raise UserError("describe.whitening: its PCA needs at least 2 training images; add some")
    facts = {key: getattr(arguments, key) for key in ("weights", "size", "whitening")}
    facts["dimensions"] = [count_descriptors(shards)[1] for shards in parts]
    _refuse_more(parts, facts["dimensions"], arguments.size)
    save_projection(arguments.output, _learned(parts, arguments), facts)


def _refuse_more(parts: list[list[str | Path]], dimensions: list[int], sizes: list[int]) -> None:
    """Refuse to keep more dimensions than there are, which would be nothing but zeros."""
    names = [str(shards[0]) for shards in parts]
    if len(sizes) == 1:
        names, dimensions = [" and ".join(names)], [sum(dimensions)]
    for name, there, size in zip(names, dimensions, sizes, strict=False):  # unequal: told later
        if size > there:
            raise UserError(f"--size {size}: {there} dimensions are in {name}; name no more")


def _learned(parts: list[list[str | Path]], arguments: argparse.Namespace) -> Projection:
    sizes, whitenings = arguments.size, arguments.whitening
    if len(sizes) == len(whitenings) == 1:
        blocks = (joined(rows, arguments.weights) for _, rows in aligned_blocks(parts))
        return fit_projection(blocks, *sizes, *whitenings)
    refuse_unaligned(parts)
    each = [(rows for _, rows in descriptor_blocks(shards)) for shards in parts]
    return fit_projections(each, sizes, whitenings, arguments.weights)
