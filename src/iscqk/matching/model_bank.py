"""The bank of a model's folder: descriptors of training images, or of a sample of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray
from iscqk.formats.descriptor_shards import count_descriptors, descriptor_blocks, refuse_empty
from iscqk.formats.files import write_content
from iscqk.formats.model_files import BANK
from iscqk.formats.safetensors_files import safetensors_at

ROWS = 65_536  # enough for a level; all of a million would take a gigabyte


def read_bank(folder: Path) -> FloatArray:
    """Return the bank (N, D) float32 of a model's folder; UserError where there is none."""
    with safetensors_at(folder / BANK, "no bank", "copy the folder again", KeyError) as name:
        bank = load_file(name)["vectors"]
    if bank.ndim != 2 or not len(bank) or bank.dtype.kind != "f" or not np.isfinite(bank).all():
        raise UserError(f"{folder / BANK}: no finite rows of numbers; copy the folder again")
    return bank.astype(np.float32)


def write_bank(folder: Path, rows: NDArray[np.floating]) -> None:
    """Write a bank (N, D), in the precision that it has."""
    write_content(folder / BANK, save({"vectors": np.ascontiguousarray(rows)}))


def sample_bank(shards: Sequence[str | Path]) -> FloatArray:
    """Return at most `ROWS` rows of a bank, evenly spaced over it; UserError where it has none."""
    refuse_empty(shards)
    step = -(-count_descriptors(shards)[0] // ROWS)
    parts, start = [], 0
    for _, rows in descriptor_blocks(shards):
        parts.append(rows[-start % step :: step])
        start += len(rows)
    return np.concatenate(parts)
