"""What a command is given to read: paths, texts, JSON objects, and files taken as NAME=FILE."""

import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any
from unicodedata import normalize

from iscqk.errors import UserError
from iscqk.formats.path_checks import refuse_missing
from iscqk.formats.printable_names import printable, utf8

_HDF5 = {".h5", ".hdf5"}
# What a shell makes of a variable that is not set; Path takes it for the current folder.
EMPTY = "an empty name; name files or folders (`.` for this one)"


def named(path: str | Path) -> Path:
    """Return a path that was named; UserError of an empty one."""
    if path == "":
        raise UserError(EMPTY)
    return Path(path)


def anchored(path: str | Path) -> str:
    """Return a path of the same file that means the same everywhere.

    Links stay in it, but for those before a `..`: that leads out of where a link leads, and would
    be taken away with the link's own name otherwise.
    """
    parts = os.fspath(path).split(os.sep)
    if os.pardir not in parts:
        return os.path.abspath(path)
    after = len(parts) - parts[::-1].index(os.pardir)
    above = os.path.realpath(os.sep.join(parts[:after]))
    return os.path.abspath(os.path.join(above, *parts[after:]))


def on_disk(path: str) -> str:
    """Return a path by the names that the disk has: accents are one letter or two there.

    What is there as it was given, or by no such names, is as it was given.
    """
    if path.isascii() or os.path.lexists(path):
        return path
    found = ""
    for name in Path(path).parts:
        found = os.path.join(found, _alike(found or os.curdir, name))
    return found if os.path.lexists(found) else path


def _alike(folder: str, name: str) -> str:
    """Return the name in a folder that is of these letters, this one where there is none."""
    try:
        there = [] if name.isascii() else sorted(os.listdir(folder))
    except (OSError, ValueError):  # ValueError: it holds a NUL
        return name
    alike = [other for other in there if normalize("NFC", other) == normalize("NFC", name)]
    return name if name in alike or not alike else alike[0]


def utf8_path(name: str | Path) -> str:
    """Return `utf8` of a path, below `./` where it can be taken for something else.

    Readers of tables take `007` for a number and `NA` for nothing, sheets `=a.jpg` for a formula,
    and commands `-r.jpg` for an option.
    """
    text = utf8(name)
    has_suffix = os.path.splitext(text)[1][1:3].isalpha()  # unlike 1.e5
    is_path = text.lstrip()[:1] not in "-+=@" and (os.sep in text or has_suffix)
    return text if is_path else os.path.join(os.curdir, text)


def is_named_hdf5(path: str | Path) -> bool:
    """Return whether a path is named as an HDF5 file is; what is damaged is told as one."""
    return Path(path).suffix.lower() in _HDF5


def named_files(pairs: Iterable[str], known: Collection[str] = ()) -> dict[str, str]:
    """Return the files of NAME=FILE by name, in their order.

    Args:
        pairs: each of them.
        known: the names that there are; any, if none is.

    Raises:
        UserError: one is written otherwise, has a name that there is not, or two have one name.
    """
    files: dict[str, str] = {}
    for pair in pairs:
        name, is_named, path = pair.partition("=")
        if not (name and is_named and path):
            raise UserError(f"{printable(pair)}: no NAME=FILE; write it as one")
        if known and name not in known:
            raise UserError(f"{printable(pair)}: {name} is none of {', '.join(known)}; name one")
        if name in files:
            raise UserError(f"{printable(pair)}: {name} is {files[name]} already; name it once")
        files[name] = path
    return files


def read_text(path: str | Path) -> str:
    """Return the text in a file; UserError where it is not there, or no text in UTF-8."""
    refuse_missing(path)
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise UserError(f"{printable(path)}: {what}; check the path") from None
    except UnicodeDecodeError:
        raise UserError(f"{printable(path)}: no text in UTF-8; name another file") from None


def read_object(path: str | Path) -> dict[str, Any]:
    """Return the JSON object that a file holds; UserError where it cannot be read as one."""
    try:
        found = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); make it again") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: cannot be read as a JSON object; make it again")
    return found


def read_objects(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the JSON object of each of NAME=FILE by name."""
    return {name: read_object(path) for name, path in named_files(pairs).items()}
