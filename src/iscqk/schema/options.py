"""Options of commands that are keys of the config: of the same range."""

import argparse
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from iscqk.errors import UserError
from iscqk.schema.section import Section


def value_of(section: type[Section], key: str) -> Callable[[str], Any]:
    """Return what reads an option as a key of a section: argparse's `type`."""

    def read(text: str) -> Any:
        try:
            return getattr(section.parse({key: _number(text)}), key)
        except UserError as error:
            told = str(error).removeprefix(f"config: {key}: ")
            raise argparse.ArgumentTypeError(told) from None

    return read


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text
