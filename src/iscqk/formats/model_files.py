"""The names of a model's files in its folder, and what the small ones of them say.

A job declares names before there is any file; and of the small files one asks before it has torch.
What the files hold: `iscqk.models.hub`, `iscqk.matching.model_folder`.
"""

import json
from pathlib import Path
from typing import Any

CONFIG, BACKBONE, HEAD, CARD = "config.json", "model.safetensors", "head.safetensors", "README.md"
ROLES, GIST_ROLE = ("queries", "references"), "gist"  # of encoders, each in a folder of that name
LARGEST_SIDE = 10_000  # pixels, of what a network looks at
_LONGEST_HEADER = 10**8  # bytes, as safetensors have it
SETTINGS, BANK, PROJECTION = "matching.json", "bank.safetensors", "projection.safetensors"
KINDS = "kinds.safetensors"  # of a packed model


def model_files(roles: list[str], bank: bool, projection: bool) -> list[str]:
    """Return the names of all files of a model, an encoder for each role."""
    encoders = [f"{role}/{name}" for role in roles for name in (CONFIG, BACKBONE, HEAD, CARD)]
    return [*encoders, SETTINGS, *([BANK] if bank else []), *([PROJECTION] if projection else [])]


def settings_folder(folder: Path) -> Path | None:
    """Return the folder that holds a model's settings: one itself, or that in a submission's."""
    places = (folder / "model", folder)
    return next((place for place in places if (place / SETTINGS).is_file()), None)


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what matching.json holds; OSError or ValueError where it cannot be read."""
    return dict(json.loads((folder / SETTINGS).read_text(encoding="utf-8")))


def read_encoder_facts(folder: Path) -> dict[str, Any]:
    """Return what an encoder's config.json says as iscqk's: `encoder`, and its `provenance`.

    Raises:
        OSError, ValueError, TypeError, KeyError: it cannot be read, or says nothing so.
    """
    return dict(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["iscqk"])


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
