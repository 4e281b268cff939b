"""Names of files as text that every message, page and table can hold, and paths of it again."""

import os
import re
import sys
from pathlib import Path

from iscqk.errors import escaped

# Halves of characters, which Python's text may hold, but those that stand for bytes.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_IS_UTF8 = sys.getfilesystemencoding() == "utf-8"


def utf8(name: str | Path) -> str:
    """Return a file's name, with an escape for each byte that is not UTF-8, or half character."""
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:  # text that this locale's file names cannot be, or nobody's
        text = _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", str(name))
        raw = text.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")


def as_path(text: str) -> str:
    """Return the path that was written as `text` by `utf8`, as this locale's Python has it."""
    return text if _IS_UTF8 else os.fsdecode(text.encode("utf-8", "surrogateescape"))


def printable(name: str | Path) -> str:
    """Return a file's name as one printable line of UTF-8, for a message or a page."""
    return escaped(utf8(name))
