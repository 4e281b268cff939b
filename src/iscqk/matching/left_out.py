"""What lies among what was named and was not looked at, and why."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from iscqk.formats.named_files import utf8_path
from iscqk.images.suffixes import NOT_OPENED
from iscqk.images.walking import leads_to_nothing

FILE = "left_out.csv"


class Kind(Enum):
    """What was left out: how a line names one of them, and several."""

    UNREADABLE = "unreadable", "unreadable"
    OTHER = "of other kinds", "of other kinds"  # its name says that it is no image that is opened
    UNLISTED = "folder that cannot be listed", "folders that cannot be listed"
    LINK = "link to nothing", "links to nothing"


class LeftOut(NamedTuple):
    """The path of a file or folder, why it was left out, and what it is."""

    path: str
    why: str
    kind: Kind = Kind.UNREADABLE


def of_other_kinds(files: Iterable[Path]) -> list[LeftOut]:
    """Return files that were passed over because of their names, or as links to nothing."""
    return [LeftOut(str(path), *_why_passed_over(path)) for path in files]


def _why_passed_over(path: Path) -> tuple[str, Kind]:
    if leads_to_nothing(path):  # perhaps to a folder of images, whatever its name
        return "a link that leads to nothing, as where its disk is away", Kind.LINK
    if path.suffix.lower() in NOT_OPENED:
        return "of a format that is not opened; convert it to have it looked at", Kind.OTHER
    return "not named as an image", Kind.OTHER


def not_listed(folders: Iterable[OSError]) -> list[LeftOut]:
    """Return folders that were passed over, of the errors by which they cannot be listed."""
    return [
        LeftOut(str(one.filename), f"cannot be listed ({one.strerror})", Kind.UNLISTED)
        for one in folders
    ]


def told_of(left_out: Sequence[LeftOut]) -> dict[str, str]:
    """Return how many there are in a line, named as a fact; nothing where there are none."""
    counts = Counter(one.kind for one in left_out)
    parts = [f"{counts[kind]:,} {kind.value[counts[kind] > 1]}" for kind in Kind if counts[kind]]
    return {"left out": f"{', '.join(parts)} ({FILE})"} if parts else {}


def write_left_out(path: str | Path, left_out: Sequence[LeftOut]) -> None:
    """Write a table of them (path, why); where there are none, remove that of an earlier call."""
    if not left_out:
        Path(path).unlink(missing_ok=True)
        return
    import pandas as pd  # which `describe`, that knows of some as well, does without

    from iscqk.formats.csv_tables import write_table

    rows = [(utf8_path(one.path), one.why) for one in left_out]
    write_table(path, pd.DataFrame(rows, columns=["path", "why"], dtype=object))
