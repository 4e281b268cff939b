"""What is true of the arguments of all commands, looked at before any of the work.

Numbers are numbers, places can be written to, and nothing that is read is written over. Of what is
given twice argparse forgets the first; here a list adds up, and any other value is refused.
"""

import argparse
import difflib
import itertools
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from iscqk.formats.json_kinds import fault_in
from iscqk.formats.named_files import EMPTY
from iscqk.formats.path_checks import refuse_unwritable
from iscqk.formats.printable_names import printable
from iscqk.runtime.cores import cores

_LISTS = ("+", "*")
_MOST_AT_ONCE = 1024  # threads or processes, whatever the cores


def output_file(text: str) -> Path:
    """Return the path of a file to write; UserError where it cannot be."""
    refuse_unwritable(text)
    return Path(text)


def output_folder(text: str) -> Path:
    """Return the path of a folder to write to; UserError where that cannot be."""
    refuse_unwritable(text, is_folder=True)
    return Path(text)


def output_place(text: str) -> Path:
    """Return the path of a file or a folder to write, whichever it is to be."""
    return output_folder(text) if os.path.isdir(text) else output_file(text)


def kept_file(text: str) -> str:
    """Return the path of a file to write, or as it is the address of one in a storage."""
    return text if "://" in text else str(output_file(text))


def count(text: str) -> int:
    """Return a whole number from 1 on."""
    return _whole(text, 1)


def at_once(text: str) -> int:
    """Return how many threads or processes work at once; far more than cores fill the memory."""
    return _whole(text, 1, max(_MOST_AT_ONCE, cores()))


def _not_negative(text: str) -> int:
    """Return a whole number from 0 on: no command has a use for others."""
    return _whole(text, 0)


def _whole(text: str, least: int, most: int = sys.maxsize) -> int:
    if (number := int(text)) < least:
        raise argparse.ArgumentTypeError(f"{text}: at least {least} is needed")
    if number > most:
        raise argparse.ArgumentTypeError(f"{text}: at most {most} can be worked with")
    return number


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise argparse.ArgumentTypeError(f"{text}: no number to work with; name another")
    return number


def json_object(**kinds: Any) -> Callable[[str], dict[str, Any]]:
    """Return what reads a JSON object, or `@FILE` of it, with values of these kinds at least.

    What a kind is, `formats.json_kinds` says.
    """
    return lambda text: _with_keys(_json(text), kinds)


def json_objects(
    all_or_none: Mapping[str, Any] = MappingProxyType({}), /, **kinds: Any
) -> Callable[[str], list[dict[str, Any]]]:
    """Return what reads a JSON list of such objects, one at least, or `@FILE` of it.

    Where one object has a key of `all_or_none`, every object must have all of these keys.
    """

    def read(text: str) -> list[dict[str, Any]]:
        found = _json(text)
        if not isinstance(found, list) or not found:
            raise argparse.ArgumentTypeError("no JSON list with something in it; give one")
        read_ones = [_with_keys(one, kinds) for one in found]
        if any(name in one for one in read_ones for name in all_or_none):
            return [_with_keys(one, all_or_none) for one in read_ones]
        return read_ones

    return read


def _content_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            f"{path}: cannot be read ({error}); name another"
        ) from None


def _json(text: str) -> Any:
    try:
        return json.loads(_content_of(text[1:]) if text.startswith("@") else text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"no JSON ({error}); correct it") from None


def _with_keys(found: Any, kinds: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"{str(found)[:40]!r} is no JSON object; write it as one")
    if fault := fault_in(found, kinds):
        raise argparse.ArgumentTypeError(fault)
    return found


_FILES = (output_file, output_place, kept_file)
_PATHS = (Path, output_folder, *_FILES)


class _Store(argparse._StoreAction):
    """Stores values; those of a list add up, all others are wanted once."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        if self in parser.given:
            if self.nargs not in _LISTS:
                raise argparse.ArgumentError(self, "given twice; give it once")
            values = [*getattr(namespace, self.dest), *values]
        if option:
            parser.given.append(self)
        super().__call__(parser, namespace, values, option)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with where to look.

    Attributes:
        given: options that have had their values so far.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.given: list[argparse.Action] = []
        for name in (None, "store"):
            self.register("action", name, _Store)
        self.register("type", int, _not_negative)
        self.register("type", float, _finite)

    def error(self, message: str) -> NoReturn:
        """Tell of it, and end."""
        self.exit(2, f"error: {message}; see `{self.prog} --help`\n")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Return a value of an option as what it is of; a path has a name."""
        if not arg_string and action.type in _PATHS:
            raise argparse.ArgumentError(action, EMPTY)
        return super()._get_value(action, arg_string)

    def parse_known_args(  # type: ignore[override]  # typeshed has an overload for each namespace
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Return what is said, once it is seen that no file is written over another."""
        self.given.clear()
        self._refuse_unknown(sys.argv[1:] if args is None else args)
        found, rest = super().parse_known_args(args, namespace)
        taken: dict[str, str] = {}
        for writes in (False, True):
            for action, path in self._files(found, writes):
                place, name = os.path.realpath(path), _name(action)
                if writes and place in taken:
                    what = f"{printable(path)} is named by {taken[place]}, too"
                    self.error(f"argument {name}: {what}; name another file to write")
                taken[place] = name
        return found, rest

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        """Refuse an option that there is not, before one is missed that was meant by it."""
        known = [name.lstrip("-") for name in self._option_string_actions]
        for word in itertools.takewhile(lambda word: word != "--", words):
            name = word.partition("=")[0].lstrip("-")
            is_option = re.match(r"--[a-z]", word) and " " not in name
            if is_option and not any(option.startswith(name) for option in known):
                near = difflib.get_close_matches(name, known, n=1)
                self.error(f"no option --{name}" + (f", did you mean --{near[0]}?" if near else ""))

    def _files(self, found: Any, writes: bool) -> Iterator[tuple[argparse.Action, str | Path]]:
        """Yield the files that options name: to write, or those there are of all others."""
        for action in self._actions:
            if (action.type in _FILES) is not writes:
                continue
            for one in _each(getattr(found, action.dest, None)):
                if writes or os.path.isfile(one):
                    yield action, one
                elif os.path.isfile(named := str(one).partition("=")[2]):  # as `training=list.txt`
                    yield action, named


def _each(value: Any) -> Iterator[str | Path]:
    """Yield the texts and paths that an option holds; of lists within lists, too."""
    if isinstance(value, list):
        for one in value:
            yield from _each(one)
    elif isinstance(value, str | Path):
        yield value


def _name(action: argparse.Action) -> str:
    return action.option_strings[0] if action.option_strings else str(action.metavar or action.dest)
