"""What a command of Snakemake asks for, which Snakemake itself tells once its file is read."""

from collections.abc import Collection, Sequence
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
