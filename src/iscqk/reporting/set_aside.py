"""The images that were set aside: which queries and references match nothing, and why."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from iscqk.formats.csv_tables import write_table
from iscqk.formats.printable_names import printable
from iscqk.images.ingestion import SPLIT_IDS
from iscqk.images.quarantine import QUARANTINED
from iscqk.reporting.parts import Table, data_of, table_of
from iscqk.reporting.reading import Submitted

_SHOWN = 200  # rows; a page of more than some megabytes is slow to open


def set_aside_table(submitted: Sequence[Submitted], folder: Path) -> Table | None:
    """Return the images that were set aside for these phases, each once; None where none was.

    Args:
        submitted: the phases, whose provenance lists them.
        folder: where the list is written, whole.
    """
    # Both phases list those of training and references, which they share.
    listed = chain.from_iterable(one.provenance["quarantined"] for one in submitted)
    rows = pd.DataFrame(list(listed), columns=QUARANTINED).drop_duplicates()
    if rows.empty:
        return None
    rows.insert(1, "split", _splits(rows["id"]))
    write_table(path := folder / "quarantined.csv", rows)
    shown = rows.head(_SHOWN)
    count = f"{len(rows):,}" + (f", the first {_SHOWN} here" if len(rows) > _SHOWN else "")
    shown = shown.assign(path=shown["path"].map(printable))
    return table_of(f"Images set aside: {count}", shown, data_of(path))


def _splits(ids: pd.Series) -> pd.Series:
    """Return the split or phase that each image's id is of."""
    splits = pd.Series("", index=ids.index)
    for split, own in SPLIT_IDS.items():
        splits[own.names([Path(image) for image in ids])] = split
    return splits
