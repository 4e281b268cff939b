"""How many floating-point operations a network takes for an image."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.timm_names import GIST


def operations(model: Mapping[str, Any]) -> float:
    """Return the operations of one pass of an encoder, a multiplication and an addition being two.

    One image goes through a network with random weights.

    Args:
        model: the section of the config.

    Raises:
        UserError: there is no such network.
    """
    if model["backbone"] == GIST:
        return 1.0
    size = model["image_size"]
    config = EncoderConfig(
        backbone=model["backbone"],
        image_size=size,
        pooling=model["pooling"],
        descriptor_size=model["descriptor_size"],
        backbone_options=dict(model["backbone_options"]),
    )
    encoder = Encoder(config).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        encoder(torch.zeros(1, 3, size, size, dtype=torch.uint8))
    return float(counted.get_total_flops())
