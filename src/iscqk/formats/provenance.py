"""Where a shard comes from, and whether shards belong together.

Every shard of copies or descriptors says from what it was made: its provenance, a flat dict of text
and numbers. What reads shards has them checked here, so that a stale one, another round's or
another model's is refused in the place of being learned from. Shards of other makers, without any
of it, pass where nothing is expected of them.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iscqk.errors import UserError

Provenance = Mapping[str, Any]
Parts = Sequence[tuple[str | Path, Provenance]]

_WORDS = {
    "manifest_sha256": "images",
    "weights_sha256": "weights",
    "edits_sha256": "edits",
    "round": "round of copies",
    "seed": "seed of copies",
    "views": "number of copies in a row",
    "content": "kind of rows",
    "seen": "choice of sizes and mirroring",
    "projection_sha256": "projection",
    "shards": "number of shards",
    "shard": "place among the shards",
}


def by_place(parts: Parts) -> list[tuple[str | Path, Provenance]]:
    """Return shards by their places among all; those that tell none come last, as they are.

    A shell lists number 10 before number 2.
    """
    return sorted(parts, key=lambda part: shard_number(part[1]))


def shard_number(provenance: Provenance) -> float:
    """Return a shard's place among all, infinity where it tells none."""
    number = provenance.get("shard")
    return number if isinstance(number, int) else math.inf


def digest_of_edits(copies: Mapping[str, Any], edits: Mapping[str, Any]) -> str:
    """Return the digest of what makes copies: their section of the config, and their edits."""
    return hashlib.sha256(json.dumps([copies, edits], sort_keys=True).encode()).hexdigest()


def check_parts(parts: Parts, remedy: str, expected: Provenance | None = None) -> None:
    """Refuse shards that are not of one making, in order and complete, or not the one expected.

    Args:
        parts: path and provenance of each shard, in order (`by_place`).
        remedy: what makes a shard again.
        expected: what their provenances must say; None of it is known of shards made by hand.

    Raises:
        UserError: naming the first shard that is wrong, and in what.
    """
    first_path, first = parts[0]
    for path, provenance in parts:
        _compare(path, provenance, expected or {}, "expected", remedy)
        alike = {key: first.get(key) for key in {**first, **provenance} if key != "shard"}
        _compare(path, provenance, alike, f"in {first_path}", remedy)
    if "shards" in first:
        _refuse_twice_or_missing(parts, first["shards"])
        for number, (path, provenance) in enumerate(parts):
            _compare(path, provenance, {"shards": len(parts), "shard": number}, "due", remedy)


def _refuse_twice_or_missing(parts: Parts, total: Any) -> None:
    """Refuse shards of which none has to be made again, but others have to be named."""
    owners: dict[float, str | Path] = {}
    for path, provenance in parts:
        if (number := shard_number(provenance)) in owners and number != math.inf:
            what = f"number {number} of {total} shards, as {owners[number]} is"
            raise UserError(f"{path}: {what}; name each once")
        owners[number] = path
    numbers = range(total) if isinstance(total, int) else ()
    if (missing := next((n for n in numbers if n not in owners), None)) is not None:
        what = f"one of {total} shards, of which number {missing} is missing"
        raise UserError(f"{parts[0][0]}: {what}; name all {total}")


def _compare(
    path: str | Path, provenance: Provenance, facts: Provenance, where: str, remedy: str
) -> None:
    """Raise UserError at the first fact that a provenance tells otherwise."""
    for key, what in _WORDS.items():
        if key in facts and provenance.get(key) != facts[key]:
            found = f"{_short(provenance.get(key))}, and {_short(facts[key])} is {where}"
            raise UserError(f"{path}: of another {what} ({found}); {remedy}")


def _short(value: Any) -> str:
    """Return a value, or as much of a digest as tells it from others."""
    return "nothing" if value is None else str(value)[:12]
