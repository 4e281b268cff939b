"""Whole encoders to start a training from: the ready model's, or of a file that iscqk wrote."""

import dataclasses
from typing import Any

from iscqk.errors import UserError
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.hub import load_hub_folder
from iscqk.models.ready import READY, ready_sides
from iscqk.models.weights import is_encoder, load_encoder
from iscqk.settings.model import Model


def given_encoders(config: Model) -> list[Encoder]:
    """Return what `model.weights` names as a whole, heads too: of each side, or one for both.

    Where it names a backbone only, or nothing, there are none.

    Raises:
        UserError: it cannot be read, or is of another kind than the config says.
    """
    if config.weights == READY:  # which `iscqk.models.ready.with_network` has compared
        given = [load_hub_folder(side) for side in ready_sides()]
    elif is_encoder(config.weights):
        given = [load_encoder(config.weights)]
        _refuse_other(config, given[0].config)
    else:
        return []
    return [_of_size(encoder, config.image_size) for encoder in given]


def _refuse_other(config: Model, given: EncoderConfig) -> None:
    """Refuse a config that says something else of weights than they are."""
    keys = ["backbone", "pooling", "backbone_options"]
    keys += [key for key in ("mean", "std") if getattr(config, key) is not None]
    wrong = {key: _plain(given, key) for key in keys if _plain(config, key) != _plain(given, key)}
    if config.descriptor_size > given.descriptor_size:
        wrong["descriptor_size"] = given.descriptor_size
    if wrong:
        told = ", ".join(f"model.{key}: {value}" for key, value in wrong.items())
        raise UserError(f"model.weights: {config.weights} needs {told}; set them")


def _plain(config: Model | EncoderConfig, key: str) -> Any:
    value = getattr(config, key)
    return list(value) if isinstance(value, tuple) else value


def _of_size(encoder: Encoder, size: int) -> Encoder:
    """Return an encoder for images of another size."""
    if size == encoder.config.image_size:
        return encoder
    other = Encoder(dataclasses.replace(encoder.config, image_size=size))
    try:
        other.load_state_dict(encoder.state_dict())
    except RuntimeError:
        own = encoder.config.image_size
        raise UserError(f"model.image_size: these weights are for {own} pixels; set it") from None
    return other.eval()
