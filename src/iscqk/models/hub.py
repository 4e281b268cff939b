"""An encoder as a folder in the model hub's format, whose backbone timm loads as it is.

    config.json         timm's: how to build the backbone and prepare its images; `iscqk` in it
                        holds the encoder's own config and provenance
    model.safetensors   the backbone's weights, by timm's names
    head.safetensors    the head: weight (D, C) and bias (D,) of pooled features
    README.md           the model card

`timm.create_model("local-dir:FOLDER", pretrained=True, num_classes=0)` gives the backbone, and
`hf-hub:` likewise once the folder is uploaded. GIST is no model of timm's; only iscqk reads it.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor

from iscqk.errors import UserError
from iscqk.formats.files import atomic_file, write_content, write_text
from iscqk.formats.model_files import BACKBONE, CARD, CONFIG, HEAD, read_encoder_facts
from iscqk.formats.safetensors_files import safetensors_at
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.timm_adapter import save_config_for_hf
from iscqk.models.timm_names import GIST
from iscqk.models.weights import not_finite, refuse_unusable


def save_hub_folder(
    folder: str | Path, encoder: Encoder, provenance: dict[str, Any], card: str, half: bool = False
) -> None:
    """Write the four files; existing ones are replaced.

    Args:
        folder: where to.
        encoder: what to write, in float32.
        provenance: of the weights, for config.json.
        card: the model card, Markdown with the hub's front matter.
        half: whether weights of several dimensions are written as float16, nearly all of them.

    Raises:
        UserError: a weight is too large for float16.
    """
    folder = Path(folder)
    for part, file in ((encoder.backbone, BACKBONE), (encoder.head, HEAD)):
        weights = {name: _stored(tensor, half) for name, tensor in part.state_dict().items()}
        if half and (name := not_finite(weights)):
            raise UserError(f"{folder / file}: {name} is too large for float16; pack another model")
        write_content(folder / file, save(weights, {"format": "pt"}))
    facts = {"encoder": dataclasses.asdict(encoder.config), "provenance": provenance}
    _save_config(folder / CONFIG, encoder, facts)
    write_text(folder / CARD, card)


def _stored(tensor: Tensor, half: bool) -> Tensor:
    # What has one dimension (biases, norms and their statistics) takes little, and may be large.
    return (tensor.half() if half and tensor.ndim > 1 else tensor).contiguous()


def _save_config(path: Path, encoder: Encoder, facts: dict[str, Any]) -> None:
    config = encoder.config
    if config.backbone == GIST:
        text = json.dumps({"architecture": GIST, "iscqk": facts}, indent=2)
        return write_text(path, text + "\n")
    prepared = {
        **{"input_size": (3, config.image_size, config.image_size)},
        **{"mean": tuple(config.mean), "std": tuple(config.std)},
        **{"interpolation": "bilinear", "crop_pct": 1.0, "crop_mode": "squash"},
    }
    # what timm says of weights that it publishes itself does not hold for these
    own = {"tag": "iscqk", "license": "see README.md", "origin_url": None}
    with atomic_file(path) as temporary:
        save_config_for_hf(
            encoder.backbone,
            str(temporary),
            model_config={"iscqk": facts, "pretrained_cfg": own},
            data_config=prepared,
        )


def read_hub_provenance(folder: str | Path) -> dict[str, Any]:
    """Return what `save_hub_folder` was told of the weights' making, of a folder that loads."""
    return dict(read_encoder_facts(Path(folder))["provenance"])


def load_hub_folder(folder: str | Path) -> Encoder:
    """Return the encoder of a folder that `save_hub_folder` wrote, in evaluation mode.

    Raises:
        UserError: a file is missing, damaged, of another encoder, or not finite.
    """
    folder = Path(folder)
    what, remedy = "no model of iscqk", "make or copy it again"
    try:
        encoder = Encoder(EncoderConfig(**read_encoder_facts(folder)["encoder"]))
    except UserError as error:  # of the config
        raise UserError(f"{folder}: {error}") from None
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder / CONFIG}: {what} ({reason}); {remedy}") from None
    for part, file in ((encoder.backbone, BACKBONE), (encoder.head, HEAD)):
        with safetensors_at(folder / file, what, remedy, RuntimeError) as name:
            part.load_state_dict(load_file(name))
    refuse_unusable(folder, encoder.state_dict())
    return encoder.eval()
