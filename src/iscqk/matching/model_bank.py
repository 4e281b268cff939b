"""Descriptors in a model's folder: its bank, of training images or a sample of them; its kinds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray
from iscqk.formats.descriptor_shards import count_descriptors, descriptor_blocks, refuse_empty
from iscqk.formats.files import write_content
from iscqk.formats.model_files import BANK, KINDS
from iscqk.formats.safetensors_files import safetensors_at

ROWS = 65_536  # enough for a level; all of a million would take a gigabyte


def read_bank(folder: Path) -> FloatArray:
    """Return the bank (N, D) float32 of a model's folder; UserError where there is none."""
    return _read(folder / BANK, "no bank")


def write_bank(folder: Path, rows: NDArray[np.floating]) -> None:
    """Write a bank (N, D), in the precision that it has."""
    _write(folder / BANK, rows)


def read_kinds(folder: Path) -> FloatArray | None:
    """Return what describes `drawn_kinds`, (n, D) float32; None where a folder has no such file."""
    return _read(folder / KINDS, "no descriptors") if (folder / KINDS).exists() else None


def write_kinds(folder: Path, rows: NDArray[np.floating]) -> None:
    """Write what describes `drawn_kinds` (n, D), in the precision that it has."""
    _write(folder / KINDS, rows)


def _read(path: Path, what: str) -> FloatArray:
    with safetensors_at(path, what, "copy the folder again", KeyError) as name:
        rows = load_file(name)["vectors"]
    if rows.ndim != 2 or not len(rows) or rows.dtype.kind != "f" or not np.isfinite(rows).all():
        raise UserError(f"{path}: no finite rows of numbers; copy the folder again")
    return rows.astype(np.float32)


def _write(path: Path, rows: NDArray[np.floating]) -> None:
    write_content(path, save({"vectors": np.ascontiguousarray(rows)}))


def sample_bank(shards: Sequence[str | Path]) -> FloatArray:
    """Return at most `ROWS` rows of a bank, evenly spaced over it; UserError where it has none."""
    refuse_empty(shards)
    step = -(-count_descriptors(shards)[0] // ROWS)
    parts, start = [], 0
    for _, rows in descriptor_blocks(shards):
        parts.append(rows[-start % step :: step])
        start += len(rows)
    return np.concatenate(parts)
