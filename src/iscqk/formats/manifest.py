"""Manifests: the CSV list of a split's images.

Columns: `id` (official form, sorted, unique), `path` (relative to the working directory or
absolute), `sha256` of the file, `width` and `height` in pixels.
"""

import hashlib
from pathlib import Path

import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.csv_tables import write_table

COLUMNS = ["id", "path", "sha256", "width", "height"]


def write_manifest(path: str | Path, rows: pd.DataFrame) -> None:
    """Write `rows` (the five columns) sorted by id."""
    write_table(path, rows[COLUMNS].sort_values("id"))


def read_manifest(path: str | Path) -> pd.DataFrame:
    """Return a manifest; ids and paths as str.

    Raises:
        UserError: not a manifest, or its ids are not sorted and unique.
    """
    text = {"id": str, "path": str, "sha256": str}
    try:
        rows = pd.read_csv(path, dtype=text, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot read this manifest ({error}); run prepare again") from None
    if list(rows.columns) != COLUMNS:
        raise UserError(
            f"{path}: a manifest has the columns {','.join(COLUMNS)}; run prepare again"
        )
    if not (rows["id"].is_unique and rows["id"].is_monotonic_increasing):
        raise UserError(f"{path}: ids must be sorted and unique; run prepare again")
    return rows


def content_digest(rows: pd.DataFrame) -> str:
    """Return one SHA-256 for a whole split: over its lines `id sha256`."""
    digest = hashlib.sha256()
    for image_id, content in zip(rows["id"], rows["sha256"], strict=True):
        digest.update(f"{image_id} {content}\n".encode())
    return digest.hexdigest()


def shard_bounds(count: int, shard: int, shards: int) -> tuple[int, int]:
    """Return the half-open range of rows that shard `shard` of `shards` holds.

    Raises:
        UserError: `shard` is not in [0, shards).
    """
    if not 0 <= shard < shards:
        raise UserError(f"shard {shard} of {shards} does not exist; shards count from 0")
    return count * shard // shards, count * (shard + 1) // shards
