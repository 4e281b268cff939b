"""Encoders on disk: safetensors whose metadata says all that is needed to use them."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from iscqk.errors import UserError
from iscqk.formats.files import write_content
from iscqk.formats.path_checks import refuse_missing
from iscqk.formats.safetensors_files import metadata_of, safetensors_at
from iscqk.models.encoder import Encoder, EncoderConfig

_VARIANCE = "running_var"  # of a batch norm


def save_encoder(path: str | Path, encoder: Encoder, provenance: dict[str, Any]) -> None:
    """Write the encoder's weights, its config (arch, dim, input size, mean, std) and provenance.

    Raises:
        UserError: a weight is not finite.
    """
    refuse_unusable(path, encoder.state_dict())
    facts = {"encoder": dataclasses.asdict(encoder.config), "provenance": provenance}
    # One entry: safetensors writes several in random order, and equal weights must be equal bytes.
    metadata = {"iscqk": json.dumps(facts, sort_keys=True)}
    weights = {name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}
    write_content(path, save(weights, metadata))


def not_finite(weights: Mapping[str, torch.Tensor]) -> str | None:
    """Return the name of the first tensor that holds NaN or infinity, None where none does."""
    return next((name for name, values in weights.items() if not values.isfinite().all()), None)


def refuse_unusable(path: str | Path, weights: Mapping[str, torch.Tensor]) -> None:
    """Raise UserError where a file's weights are not all finite, or a root of them would not be."""
    variances = {name: values for name, values in weights.items() if name.endswith(_VARIANCE)}
    if name := next((name for name, values in variances.items() if (values < 0).any()), None):
        what = "hold a variance below 0, of which there is no root; name other ones"
        raise UserError(f"{path}: weights {name} {what}")
    if name := not_finite(weights):
        raise UserError(
            f"{path}: weights {name} hold NaN or infinity; train them again with a lower "
            "train.METHOD.learning_rate, or name other ones"
        )


def read_provenance(path: str | Path) -> dict[str, Any]:
    """Return what `save_encoder` was told of the weights' making.

    Raises:
        UserError: missing, or no weights of iscqk.
    """
    return _facts(path)["provenance"]


def read_encoder_config(path: str | Path) -> dict[str, Any]:
    """Return the encoder's config, `EncoderConfig` as a dict, without loading its weights.

    Raises:
        UserError: missing, or no weights of iscqk.
    """
    return _facts(path)["encoder"]


def _facts(path: str | Path) -> dict[str, dict[str, Any]]:
    refuse_missing(path)
    with safetensors_at(path, "cannot read these weights", "train them again") as name:
        metadata = metadata_of(name)
    if "iscqk" not in metadata:
        raise UserError(f"{path}: no encoder weights of iscqk; name a file that it wrote")
    try:
        facts = json.loads(metadata["iscqk"])
        return {section: dict(facts[section]) for section in ("encoder", "provenance")}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(
            f"{path}: its metadata are not those of an encoder ({reason}); name another file"
        ) from None


def load_encoder(path: str | Path) -> Encoder:
    """Return the encoder of a file that `save_encoder` wrote, in evaluation mode.

    Raises:
        UserError: missing, not such a file, weights that do not fit its config or are not finite.
    """
    config = _facts(path)["encoder"]
    unfit = ValueError, TypeError, RuntimeError
    with safetensors_at(path, "weights do not fit their config", "train again", *unfit) as name:
        try:
            encoder = Encoder(EncoderConfig(**config))
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        encoder.load_state_dict(weights := load_file(name))
    refuse_unusable(path, weights)
    return encoder.eval()


def encoder_digest(encoder: Encoder) -> str:
    """Return a SHA-256 of what an encoder computes: its config and weights, in whatever file."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(encoder.config)).encode())
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_backbone(encoder: Encoder, path: str | Path) -> None:
    """Fill the encoder's backbone from a plain timm safetensors file (no classifier).

    Raises:
        UserError: missing, no safetensors, of another architecture, or not finite.
    """
    refuse_missing(path)
    backbone = encoder.config.backbone
    remedy = (
        "change model.weights or model.backbone, or make others' weights an encoder: iscqk "
        f"import-weights {path} --backbone {backbone} --output FILE.safetensors"
    )
    with safetensors_at(path, f"does not fit timm's {backbone}", remedy, RuntimeError) as file:
        weights = {name: tensor.float() for name, tensor in load_file(file).items()}
        encoder.backbone.load_state_dict(weights)
    refuse_unusable(path, weights)
