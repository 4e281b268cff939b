"""The bank on disk: shards of descriptors, of which a process reads its part, and no copy more."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iscqk.errors import UserError
from iscqk.formats.descriptor_shards import (
    Descriptors,
    open_shards,
    refuse_untrainable_rows,
    spans,
    total_shape,
)
from iscqk.formats.manifest import shard_bounds
from iscqk.formats.provenance import check_parts, shard_number
from iscqk.learning import distributed

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def read_bank(
    paths: Sequence[str | Path],
    ids: Sequence[str],
    weights: str,
    precision: str = "fp32",
    expected: Mapping[str, Any] | None = None,
    size: int | None = None,
) -> tuple[Tensor, int]:
    """Return this process's rows (n, D) of a bank and the number of the first one.

    Args:
        paths: its shards.
        ids: of the images that are learned from; the bank must begin with these, in order. Rows
            that it has beyond them are further negatives.
        weights: digest of the weights that it must be made by.
        precision: to hold it in, `fp32` or `bf16`.
        expected: what the provenances of its shards must say; see `formats.provenance`.
        size: D that it must have; None for any.

    Raises:
        UserError: it was made by other weights, of other images, in another way, or its shards are
            not complete; a row is not finite; an image is there twice.
    """
    with open_shards(paths) as named:
        shards = sorted(named, key=lambda shard: shard_number(shard.attributes))
        count, found = _checked_shape(shards, expected)
        if size not in (None, found):
            raise UserError(f"{paths[0]}: a bank of {found} dimensions, not {size}; embed it again")
        if count < len(ids):
            raise UserError(f"{paths[0]}: {count} bank rows for {len(ids)} images; embed it again")
        first, last = shard_bounds(count, distributed.rank(), distributed.world_size())
        start = 0
        for shard in shards:
            end = start + len(shard.ids)
            _check_source(shard, weights, ids[start:end])
            start = end
        refuse_untrainable_rows(s for s in shards if not s.attributes.get("synthetic"))
        rows = torch.empty(last - first, found, dtype=DTYPES[precision])
        for place, shard, low, high in spans(shards, first, last):
            rows[place : place + high - low] = torch.from_numpy(shard.block(low, high))
    return rows, first


def _checked_shape(
    shards: Sequence[Descriptors], expected: Mapping[str, Any] | None
) -> tuple[int, int]:
    """Return the rows of all shards and their dimension, where these are of the making expected."""
    real = [(s.path, s.attributes) for s in shards if not s.attributes.get("synthetic")]
    if real:
        check_parts(real, "embed it again", expected)
    return total_shape(shards)


def _check_source(shard: Descriptors, weights: str, ids: Sequence[str]) -> None:
    """Refuse a shard of other weights, or that does not begin with these ids."""
    if shard.attributes.get("weights_sha256") != weights:
        raise UserError(f"{shard.path}: a bank of other weights than --frozen; embed it again")
    if shard.ids[: len(ids)].tolist() != list(ids):
        raise UserError(f"{shard.path}: a bank of other images; embed it again")
