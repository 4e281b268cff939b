"""What lies among what was named and was not looked at, and why."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from iscqk.formats.files import utf8
from iscqk.images.suffixes import NOT_OPENED
from iscqk.images.walking import leads_to_nothing

FILE = "left_out.csv"
_NOT_OPENED = "of a format that is not opened; convert it to have it looked at"
_NO_IMAGE = "not named as an image"
_NOT_LISTED = "cannot be listed"
_LEADS_NOWHERE = "a link that leads to nothing, as where its disk is away"


class LeftOut(NamedTuple):
    """The path of a file or folder, and why it was left out."""

    path: str
    why: str

    @property
    def is_of_another_kind(self) -> bool:
        """Whether its name says that it is no image, or none that is opened."""
        return self.why in (_NOT_OPENED, _NO_IMAGE)

    @property
    def is_unlisted_folder(self) -> bool:
        """Whether nobody knows what is in it."""
        return self.why.startswith(_NOT_LISTED)


def of_other_kinds(files: Iterable[Path]) -> list[LeftOut]:
    """Return files that were passed over because of their names, or as links to nothing."""
    return [LeftOut(str(path), _why_passed_over(path)) for path in files]


def _why_passed_over(path: Path) -> str:
    if leads_to_nothing(path):  # perhaps to a folder of images, whatever its name
        return _LEADS_NOWHERE
    return _NOT_OPENED if path.suffix.lower() in NOT_OPENED else _NO_IMAGE


def not_listed(folders: Iterable[OSError]) -> list[LeftOut]:
    """Return folders that were passed over, of the errors by which they cannot be listed."""
    return [LeftOut(str(one.filename), f"{_NOT_LISTED} ({one.strerror})") for one in folders]


def told_of(left_out: Sequence[LeftOut]) -> dict[str, str]:
    """Return how many there are in a line, named as a fact; nothing where there are none."""
    others = sum(one.is_of_another_kind for one in left_out)
    unlisted = sum(one.is_unlisted_folder for one in left_out)
    lost = sum(one.why == _LEADS_NOWHERE for one in left_out)
    counts = {
        "unreadable": len(left_out) - others - unlisted - lost,
        "of other kinds": others,
        f"folder{'s' * (unlisted > 1)} that cannot be listed": unlisted,
        f"link{'s' * (lost > 1)} to nothing": lost,
    }
    parts = [f"{count:,} {kind}" for kind, count in counts.items() if count]
    return {"left out": f"{', '.join(parts)} ({FILE})"} if parts else {}


def write_left_out(path: str | Path, left_out: Sequence[LeftOut]) -> None:
    """Write a table of them (path, why); where there are none, remove that of an earlier call."""
    if not left_out:
        Path(path).unlink(missing_ok=True)
        return
    import pandas as pd  # which `describe`, that knows of some as well, does without

    from iscqk.formats.csv_tables import write_table

    rows = [(utf8(one.path), one.why) for one in left_out]
    write_table(path, pd.DataFrame(rows, columns=LeftOut._fields, dtype=object))
