"""What a command of Snakemake asks for, which Snakemake itself tells once its file is read."""

import argparse
import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from typing import Any


def options_of(words: Sequence[str]) -> Any:
    """Return Snakemake's own reading of the words behind `snakemake`, `--cores` with its number."""
    from snakemake.cli import get_argument_parser  # which takes 0.3 s to make one

    return get_argument_parser().parse_known_args(words)[0]


def targets_among(words: Sequence[str], names: Collection[str]) -> list[str]:
    """Return the targets of a command where some of these may be among them; else none.

    Args:
        words: behind `snakemake`: a folder of results may have a target's name.
        names: of targets, or what they begin with.
    """
    if not any(word.startswith(tuple(names)) for word in words):
        return []
    asked = options_of(words)
    return [*(asked.until or []), *asked.targets]


def is_forced(names: Collection[str], words: Iterable[str]) -> bool:
    """Return whether the words of a command make Snakemake run one of some rules or files.

    Snakemake itself tells so only once the Snakefile is read, and its parser takes 0.3 s to make.
    """
    forces = False
    for word in words:
        if word == "--forceall" or re.fullmatch("-[a-zA-Z]*F[a-zA-Z]*", word):
            return True
        if word.startswith("-"):
            found = re.match("(?:--forcerun=?|-[a-zA-Z]*?R)(.*)", word)
            forces, word = found is not None, found[1] if found else ""
        if forces and word in names:
            return True
    return False


def options_to_repeat(arguments: Sequence[str]) -> str:
    """Return those of Snakemake's options that say of what a run is, with a blank before them."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    one = [("--snakefile", "-s"), ("--directory", "-d"), ("--workflow-profile",), ("--profile",)]
    one += [("--default-storage-provider",), ("--default-storage-prefix",)]
    for names in one:
        parser.add_argument(*names)
    for names in [("--configfile", "--configfiles"), ("--config", "-C")]:
        parser.add_argument(*names, nargs="+")
    try:
        known, _ = parser.parse_known_args(arguments)
    except argparse.ArgumentError:
        return ""
    words = []
    for name, value in vars(known).items():
        if value is not None:
            words += [
                f"--{name.replace('_', '-')}",
                *([value] if isinstance(value, str) else value),
            ]
    return "".join(f" {word}" for word in map(shlex.quote, words))
