"""The one exception that users are meant to read."""

import operator
import os
from unicodedata import category

_JOINERS = "\u200c\u200d"  # in Persian, and in emoji of several
_LONGEST = 2000  # characters; an id in a hostile file may have any number


class UserError(Exception):
    """Something outside the program is wrong: one line that names the thing and the remedy.

    The `iscqk` program prints it as `error: ...` and exits with status 1; anything else is a bug
    and keeps its traceback.
    """

    def __str__(self) -> str:
        """Return one printable line, whatever names and file contents are quoted in it."""
        return one_line(super().__str__())


def one_line(text: str) -> str:
    """Return a text as one printable line of bounded length, for a terminal."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return escaped(text)


def escaped(text: str) -> str:
    """Return a text with an escape for each character that does not print, as ESC and a tab.

    Spaces of all widths are left, and what joins letters or keeps them apart: names have them.
    """
    return "".join(c if _prints(c) else c.encode("unicode_escape").decode() for c in text)


def _prints(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or category(character) == "Zs"


def refuse_below_one(name: str, value: int) -> None:
    """Raise UserError of a number, from Python or a command, that nothing can be done with."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise UserError(f"{name} {value!r}: a whole number is needed")
    if number < 1:
        raise UserError(f"{name} {value}: at least 1 is needed")


def refuse_no_path(name: str, value: str | os.PathLike[str]) -> None:
    """Raise UserError of what cannot be the path of a file or folder."""
    if not isinstance(value, str | os.PathLike):
        raise UserError(f"{name} {value!r}: the path of a folder is needed")
