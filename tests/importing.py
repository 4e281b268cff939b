"""Importing a checkpoint as `iscqk import-weights` does."""

import torch

from iscqk.cli import main
from iscqk.models.weights import load_encoder


def imported(folder, content, backbone, *options):
    """Return the encoder that a saved checkpoint becomes, None where it is refused."""
    path = folder / "given.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    output = folder / "made.safetensors"
    given = ("--backbone", backbone, *map(str, options), "--output", str(output))
    return load_encoder(output) if main(["import-weights", str(path), *given]) == 0 else None
