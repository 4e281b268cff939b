"""The names of a model's files in its folder, which a job declares before there is any of them.

What the files hold: `iscqk.models.hub`, `iscqk.matching.model_folder`.
"""

from pathlib import Path

CONFIG, BACKBONE, HEAD, CARD = "config.json", "model.safetensors", "head.safetensors", "README.md"
SIDES, GIST = ("queries", "references"), "gist"  # folders of encoders
LARGEST_SIDE = 10_000  # pixels, of what a network looks at
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
