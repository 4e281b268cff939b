"""Average the weights of trainings that went on from one another, or from one start.

Between a network and what it became by learning harder edits lie weights that keep most of what
either knows (WiSE-FT, arXiv:2109.01903; model soups, arXiv:2203.05482): theta = sum_i share_i
theta_i. `model.weights` takes the file; it says of what it was made.
"""

import argparse
import dataclasses
from pathlib import Path

import torch

from iscqk.errors import UserError
from iscqk.formats.files import refuse_unwritable, sha256_of
from iscqk.models.encoder import Encoder
from iscqk.models.weights import load_encoder, save_encoder
from iscqk.runtime.options import output_file

EXAMPLE = "iscqk average before.safetensors after.safetensors --output both.safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("files", nargs="+", type=Path, metavar="SAFETENSORS", help="encoders")
    parser.add_argument(
        "--shares", type=float, nargs="+", metavar="X",
        help="of each file, as parts of their sum (default: all alike)",
    )  # fmt: skip
    parser.add_argument("--output", type=output_file, required=True, metavar="SAFETENSORS")


def run(arguments: argparse.Namespace) -> None:
    """Write the encoder; what is not a weight, such as its image size, is the last file's."""
    refuse_unwritable(arguments.output)
    files = arguments.files
    shares = _shares(arguments.shares, len(files))
    encoders = [load_encoder(path) for path in files]
    for path, encoder in zip(files, encoders, strict=True):
        _check_alike(path, encoder, files[-1], encoders[-1])
    averaged = encoders[-1]
    states = [encoder.state_dict() for encoder in encoders]
    averaged.load_state_dict(
        {name: _mean([state[name] for state in states], shares) for name in states[-1]}
    )
    made_of = [
        {"file": path.name, "sha256": sha256_of(path), "share": share}
        for path, share in zip(files, shares, strict=True)
    ]
    save_encoder(arguments.output, averaged, {"averaged": made_of})


def _shares(given: list[float] | None, count: int) -> list[float]:
    """Return a share of each file; their sum is 1."""
    shares = given or [1.0] * count
    if len(shares) != count:
        raise UserError(f"--shares: {len(shares)} of {count} files; name one for each file")
    if not min(shares) >= 0 < sum(shares):
        raise UserError(f"--shares {' '.join(map(str, shares))}: name numbers from 0, not all 0")
    return [share / sum(shares) for share in shares]


def _check_alike(path: Path, encoder: Encoder, last_path: Path, last: Encoder) -> None:
    """Refuse a network of another kind than the last one, whatever size of images it takes."""
    if dataclasses.replace(encoder.config, image_size=last.config.image_size) != last.config:
        what = f"not the same network as {last_path}"
        raise UserError(f"{path}: {what}; average trainings that started from the same weights")


def _mean(values: list[torch.Tensor], shares: list[float]) -> torch.Tensor:
    """Return the weighted mean, computed in float64; of whole numbers the last."""
    if not values[-1].is_floating_point():
        return values[-1]
    parts = (value.double() * share for value, share in zip(values, shares, strict=True))
    return sum(parts, torch.zeros(())).to(values[-1].dtype)
