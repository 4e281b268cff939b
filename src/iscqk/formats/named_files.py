"""Files that a command takes as NAME=FILE, and JSON objects in files."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from iscqk.errors import UserError


def named_files(pairs: Iterable[str]) -> dict[str, str]:
    """Return the files of NAME=FILE by name, in their order."""
    return dict(pair.split("=", 1) for pair in pairs)


def read_object(path: str | Path) -> dict[str, Any]:
    """Return the JSON object that a file holds; UserError where it cannot be read as one."""
    try:
        return dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); make it again") from None


def read_objects(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the JSON object of each of NAME=FILE by name."""
    return {name: read_object(path) for name, path in named_files(pairs).items()}
