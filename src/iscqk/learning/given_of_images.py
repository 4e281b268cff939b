"""What others say of the images that are learned from: a teacher's descriptors, near-duplicates."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray, first_where
from iscqk.formats.csv_tables import read_table
from iscqk.formats.descriptor_shards import (
    Descriptors,
    open_descriptors,
    open_shards,
    spans,
    total_shape,
)
from iscqk.models.unit_rows import unit_rows


def read_teacher(paths: Sequence[str | Path], ids: Sequence[str], first: int, last: int) -> Tensor:
    """Return another model's unit rows (n, T) of the bank's, from `first` up to `last`.

    Args:
        paths: what `iscqk embed` wrote of the images of the bank, its shards in order.
        ids: of these images, all that the bank has, in order.
        first: row that the part begins with.
        last: row after its last.

    Raises:
        UserError: they are of other images or of several dimensions, or a row is no direction.
    """
    with open_shards(paths) as shards:
        _refuse_other_images(shards, ids, last)
        found = torch.empty(last - first, total_shape(shards)[1])
        for place, shard, low, high in spans(shards, first, last):
            rows = torch.from_numpy(_rows(shard, low, high))
            found[place : place + high - low] = unit_rows(rows)
        return found


def check_teacher(path: str | Path, ids: Sequence[str]) -> None:
    """Refuse with a UserError what `read_teacher` would, a block of rows in memory at a time."""
    with open_descriptors(path) as shard:
        _refuse_other_images([shard], ids, len(ids))
        for _, _, low, high in spans([shard], 0, len(ids)):
            _rows(shard, low, high)


def _rows(shard: Descriptors, first: int, last: int) -> FloatArray:
    """Return some rows; UserError where one is not finite, or of no direction."""
    rows = shard.block(first, last)
    if (void := first_where(~rows.any(axis=1))) is not None:
        name = shard.ids[first + void]
        raise UserError(f"{shard.path}: {name} is all zeros, which has no direction; mend that row")
    return rows


def _refuse_other_images(shards: Sequence[Descriptors], ids: Sequence[str], last: int) -> None:
    found = [name for shard in shards for name in shard.ids.tolist()]
    if found != list(ids) or last > len(ids):
        raise UserError(
            f"{shards[0].path}: of other images than are learned from; make it of their manifest "
            "with `iscqk embed`"
        )


def read_near_duplicates(path: str | Path, ids: Sequence[str]) -> Tensor:
    """Return pairs of bank rows from a CSV `id,near_duplicate`, (M, 2) int64, sorted, both ways.

    Raises:
        UserError: an id is none of the bank's, or a pair is of one image.
    """
    table, places = read_table(path, ["id", "near_duplicate"]), {i: n for n, i in enumerate(ids)}
    rows = table.map(lambda name: places.get(name, -1)).to_numpy(dtype=np.int64).reshape(-1, 2)
    if (wrong := rows == -1).any():
        row, column = np.argwhere(wrong)[0]
        name = str(table.iat[int(row), int(column)])
        raise UserError(f"{path}, row {row + 1}: '{name}' is no training image; remove the row")
    if (row := first_where(rows[:, 0] == rows[:, 1])) is not None:
        raise UserError(f"{path}, row {row + 1}: pairs an image with itself; remove the row")
    return torch.from_numpy(np.unique(np.concatenate([rows, rows[:, ::-1]]), axis=0))
