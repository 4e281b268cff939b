"""What was found, in a few lines of a terminal."""

import os
from collections.abc import Iterator, Sequence

import pandas as pd

from iscqk.formats.printable_names import printable
from iscqk.matching import indexes
from iscqk.matching.duplicates import Duplicates
from iscqk.matching.indexes import NO_INDEX, Recall
from iscqk.matching.left_out import LeftOut, told_of
from iscqk.matching.matches import Matches
from iscqk.matching.neighbourhoods import LISTED
from iscqk.runtime.wording import counted

_SHOWN = 10  # pairs, or groups
_SHOWN_OF_A_GROUP = 5  # images
_WIDEST = 40  # characters of a path


def short(name: str) -> str:
    """Return a path as one short line: from here where it lies below, else its last parts."""
    text = printable(name.removeprefix(os.getcwd() + os.sep))
    if len(text) <= _WIDEST:
        return text
    kept = os.path.basename(text)
    for part in reversed(os.path.dirname(text).split("/")):
        if len(longer := f"{part}/{kept}") > _WIDEST - len(".../"):
            break
        kept = longer
    return f".../{kept}" if len(kept) <= _WIDEST - len(".../") else f"...{kept[3 - _WIDEST :]}"


def summary(found: Matches) -> str:
    """Return how many images are likely copies, in a line."""
    likely, below = found.likely_images, found.below
    left_out = f"; {below} below the threshold" if below else ""
    if found.basis.chance is None:
        looked = f"{counted(found.images, 'image')} looked up"
        if not (equal := likely + below):
            return f"{looked}, and no basis to call any a likely copy"
        what = "no basis to call any other a likely copy"
        return f"{looked}, {equal:,} equal to a reference, and {what}{left_out}"
    copies = counted(likely, "likely copy", "likely copies")
    without = f"{found.images - likely - below} without"
    return f"{copies} of {counted(found.images, 'image')}; {without}{left_out}"


def best_pairs(table: pd.DataFrame) -> Iterator[str]:
    """Yield a line for each of the best pairs: the flag, the score, and what it is of."""
    rows = table.head(_SHOWN)
    queries, references = ([short(name) for name in rows[side]] for side in ("query", "reference"))
    width = max(map(len, queries), default=0)
    for likely, score, *names in zip(
        rows["likely"].fillna(False), rows["score"], queries, references, strict=True
    ):
        yield f"{'likely' if likely else '-':6}  {score:.3f}  {names[0]:{width}}  {names[1]}"


def summary_of_groups(found: Duplicates) -> str:
    """Return how many images have copies, in a line."""
    groups = found.table["group"].max() if len(found.table) else 0
    alone = found.images - len(found.table)
    kind = "equal ones" if found.basis.chance is None else "copies"
    copies = f"{counted(len(found.table), 'image')} in {counted(int(groups), 'group')} of {kind}"
    return f"{copies}; {alone:,} of {counted(found.images, 'image')} without"


def first_groups(table: pd.DataFrame) -> Iterator[str]:
    """Yield a line for each of the first images of the first groups, the largest first."""
    for number, rows in table[table["group"] <= _SHOWN].groupby("group"):
        for _, row in rows.head(_SHOWN_OF_A_GROUP).iterrows():
            mark = f"{number:4}" if row["largest"] else " " * 4
            yield f"{mark}  {row['width']:>5} x {row['height']:<5}  {short(row['image'])}"
        if (more := len(rows) - _SHOWN_OF_A_GROUP) > 0:
            yield f"      and {more:,} more"


def last_line(line: str, left_out: Sequence[LeftOut]) -> str:
    """Return a summary with what is not in it."""
    return "; ".join([line, *(f"{name}: {what}" for name, what in told_of(left_out).items())])


def searched(recall: Recall | None) -> dict[str, str]:
    """Return what is to be said of a search where an index was asked for; else nothing."""
    if recall is None:
        return {}
    if recall is NO_INDEX:
        return {"search": f"exact; an index is made from {indexes.LEAST:,} images on"}
    found = (
        f"of {counted(recall.images, 'image')} it found the exact nearest of {recall.nearest:.1%}"
    )
    listed = f"{recall.listed:.1%} of the {LISTED} nearest"
    return {"search": f"by an index; {found}, and {listed}"}
