"""The bank on disk: shards of descriptors, of which a process reads its part, and no copy more."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_table
from iscqk.formats.descriptors import count_descriptors, open_descriptors
from iscqk.formats.manifest import shard_bounds
from iscqk.learning import processes

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_ROWS_AT_ONCE = 65_536


def read_bank(
    paths: Sequence[str | Path], ids: Sequence[str], weights: str, precision: str = "fp32"
) -> tuple[Tensor, int]:
    """Return this process's rows (n, D) of a bank and the number of the first one.

    Args:
        paths: its shards, in order.
        ids: of the images that are learned from; the bank must begin with these, in order. Rows
            that it has beyond them are further negatives.
        weights: digest of the weights that it must be made by.
        precision: to hold it in, `fp32` or `bf16`.

    Raises:
        UserError: it was made by other weights, or of other images.
    """
    count, size = count_descriptors(paths)
    if count < len(ids):
        raise UserError(f"{paths[0]}: {count} bank rows for {len(ids)} images; embed it again")
    first, last = shard_bounds(count, processes.rank(), processes.count())
    rows, start = torch.empty(last - first, size, dtype=DTYPES[precision]), 0
    for path in paths:
        with open_descriptors(path) as shard:
            end = start + len(shard.ids)
            if shard.attributes.get("weights_sha256") != weights:
                raise UserError(f"{path}: a bank of other weights than --frozen; embed it again")
            if shard.ids[: max(0, len(ids) - start)].tolist() != list(ids[start:end]):
                raise UserError(f"{path}: a bank of other images; embed it again")
            for low in range(max(start, first), min(end, last), _ROWS_AT_ONCE):
                high = min(low + _ROWS_AT_ONCE, end, last)
                block = torch.from_numpy(shard.vectors[low - start : high - start])
                rows[low - first : high - first] = block
            start = end
    return rows, first


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
    if (same := rows[:, 0] == rows[:, 1]).any():
        row = int(same.argmax())
        raise UserError(f"{path}, row {row + 1}: pairs an image with itself; remove the row")
    return torch.from_numpy(np.unique(np.concatenate([rows, rows[:, ::-1]]), axis=0))
