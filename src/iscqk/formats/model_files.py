"""The names of a model's files in its folder, which a job declares before there is any of them.

What the files hold: `iscqk.models.hub`, `iscqk.matching.model_folder`.
"""

import json
from pathlib import Path

CONFIG, BACKBONE, HEAD, CARD = "config.json", "model.safetensors", "head.safetensors", "README.md"
SIDES, GIST = ("queries", "references"), "gist"  # folders of encoders
LARGEST_SIDE = 10_000  # pixels, of what a network looks at
_LONGEST_HEADER = 10**8  # bytes, as safetensors have it
SETTINGS, BANK, PROJECTION = "matching.json", "bank.safetensors", "projection.safetensors"


def model_files(roles: list[str], bank: bool, projection: bool) -> list[str]:
    """Return the names of all files of a model, an encoder for each role."""
    encoders = [f"{role}/{name}" for role in roles for name in (CONFIG, BACKBONE, HEAD, CARD)]
    return [*encoders, SETTINGS, *([BANK] if bank else []), *([PROJECTION] if projection else [])]


def is_safetensors(path: str | Path) -> bool:
    """Return whether a file begins as safetensors do, whatever its name: a size, and JSON."""
    try:
        with open(path, "rb") as file:
            return file.read(9)[8:] == b"{"
    except OSError:
        return False


def is_encoder(path: str | Path) -> bool:
    """Return whether the header of safetensors says that they are an encoder of iscqk's."""
    try:
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if size <= _LONGEST_HEADER else {}
        return "iscqk" in header["__metadata__"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False


def is_teaching_network(teacher: str) -> bool:
    """Return whether a teacher is a network and no descriptors: by its name, wherever it lies."""
    return teacher.endswith(".safetensors")
