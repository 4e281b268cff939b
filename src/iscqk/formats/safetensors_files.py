"""Reading safetensors, whatever the name of the file, with a line for what is none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open

from iscqk.errors import UserError
from iscqk.formats.printable_names import utf8

_LONGEST_REASON = 300  # letters; of layers that do not fit there may be hundreds


@contextmanager
def safetensors_at(
    path: str | Path, what: str, remedy: str, *unfit: type[Exception]
) -> Iterator[str]:
    """Give the name by which safetensors open a file, and say in a line what goes wrong with it.

    Args:
        path: the file.
        what: the file is not, or does not.
        remedy: for that.
        unfit: errors by which what is made of the content within tells that it does not fit.

    Raises:
        UserError: the file cannot be read, is no safetensors, or does not fit.
    """
    told: tuple[type[Exception], ...] = (OSError, SafetensorError, *unfit)
    try:
        with _named(path) as name:
            yield name
    except told as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise UserError(f"{path}: {what} ({reason}); {remedy}") from None


@contextmanager
def _named(path: str | Path) -> Iterator[str]:
    """Give a file a name as safetensors take it: UTF-8, and text to Python."""
    if utf8(path) == os.fspath(path):
        yield os.fspath(path)
    else:
        with open(path, "rb") as file:
            yield f"/dev/fd/{file.fileno()}"


def metadata_of(name: str) -> dict[str, str]:
    """Return what the header of safetensors tells, by the name that `safetensors_at` gives."""
    with safe_open(name, "np") as file:
        return file.metadata() or {}
