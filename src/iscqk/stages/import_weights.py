"""Take over the published weights of others as an encoder, to describe with or to start from.

Read are checkpoints of SSCD (torchvision's and Classy Vision's), torchvision, timm, DINO and
DINOv2, as `torch.save` or safetensors wrote them. SSCD's linear layer becomes the head; without one
the descriptor is the pooled features. A classifier may have the name of SSCD's layer, backbone.fc:
what becomes the head is told, and --no-head leaves it out. Mean and std of images are ImageNet's,
or timm's of weights as timm publishes them: by its names, and with a classifier where it has one,
by which they differ from DINO's. `model.weights` takes the file; where it
has more dimensions than `model.descriptor_size`, `iscqk initial` puts a PCA behind its head.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from iscqk.errors import UserError
from iscqk.formats.files import unchanged
from iscqk.formats.path_checks import refuse_unwritable
from iscqk.formats.printable_names import printable
from iscqk.models.encoder import POOLINGS, Encoder, EncoderConfig
from iscqk.models.fitting_weights import fill_backbone, network_in, options_of_weights
from iscqk.models.foreign_weights import ForeignWeights, read_foreign_weights
from iscqk.models.timm_adapter import PretrainedCfg, timm
from iscqk.models.weights import save_encoder
from iscqk.runtime.logs import print_line
from iscqk.runtime.options import json_object, output_file
from iscqk.schema.options import value_of
from iscqk.settings.model import Model

EXAMPLE = r"""iscqk import-weights sscd_disc_mixup.torchvision.pt --backbone resnet50 \
    --output sscd.safetensors"""

_SSCD_SIZE = 288  # pixels, at which SSCD describes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("file", type=Path, help="the checkpoint")
    parser.add_argument("--backbone", required=True, help="timm's name of the network")
    parser.add_argument(
        "--pooling", choices=[*POOLINGS, "native"],
        help="(default: gem of p = 3 with SSCD's layer, else the network's own)",
    )  # fmt: skip
    parser.add_argument(
        "--image-size",
        type=value_of(Model, "image_size"),
        metavar="PIXELS",
        help="(default: 288 of SSCD, else timm's)",
    )
    for name in ("mean", "std"):
        parser.add_argument(
            f"--{name}", type=float, nargs=3, metavar="X",
            help="of each RGB channel, 0 to 1 (default: timm's of its own weights, or ImageNet's)",
        )  # fmt: skip
    parser.add_argument(
        "--backbone-options", type=json_object(), default={}, metavar="JSON",
        help='of timm.create_model, as {"pad_type": "same"} or @FILE of it (default: bn_eps, where '
        "torchvision's network has another than timm's)",
    )  # fmt: skip
    parser.add_argument(
        "--no-head", action="store_true", help="leave a linear layer out, as one of a classifier"
    )
    parser.add_argument("--output", type=output_file, required=True, metavar="SAFETENSORS")


def run(arguments: argparse.Namespace) -> None:
    """Write the encoder, and print what the config has to say of it."""
    refuse_unwritable(arguments.output)
    mean, std = arguments.mean or EncoderConfig.mean, arguments.std or EncoderConfig.std
    if min(std) <= 0:
        raise UserError(f"--std {min(std):g}: what is divided by; name more than 0")
    if min(mean) < 0:
        raise UserError(f"--mean {min(mean):g}: channels go from 0 to 1; name none below 0")
    if (largest := max(*mean, *std)) > 1:
        raise UserError(f"--mean, --std {largest:g}: channels go from 0 to 1; divide both by 255")
    with unchanged(arguments.file) as digest:
        checkpoint = read_foreign_weights(arguments.file)
    if arguments.no_head:
        checkpoint = ForeignWeights(checkpoint.backbone, None)
    encoder = _encoder(arguments, checkpoint)
    origin = {"file": arguments.file.name, "sha256": digest}
    save_encoder(arguments.output, encoder, {"imported": origin})
    config = encoder.config
    layer = f"{checkpoint.layer}; if that is a classifier, --no-head leaves it out"
    print_line(f"head: {layer if checkpoint.head else 'none, features as they are pooled'}")
    mean, std = (" ".join(f"{x:g}" for x in values) for values in (config.mean, config.std))
    print_line(f"images: {config.image_size} pixels, mean {mean}, std {std}")
    print_line(
        f"{printable(arguments.output)}: {config.descriptor_size} dimensions; to start from it:"
    )
    keys = ("backbone", "image_size", "pooling", "backbone_options")
    told: dict[str, Any] = {key: getattr(config, key) for key in keys if getattr(config, key)}
    if config.descriptor_size < Model.descriptor_size:  # who has fewer cannot give the default's
        told["descriptor_size"] = config.descriptor_size
    print_line(f"model: {json.dumps({'weights': str(arguments.output), **told})}")


def _encoder(arguments: argparse.Namespace, checkpoint: ForeignWeights) -> Encoder:
    """Return the encoder of a checkpoint; a head that it lacks is the identity."""
    options = options_of_weights(arguments.backbone, checkpoint.backbone)
    config = EncoderConfig(
        backbone=arguments.backbone,
        image_size=arguments.image_size or _image_size(arguments.backbone, checkpoint),
        pooling=arguments.pooling or ("gem" if checkpoint.head else "native"),
        descriptor_size=len(checkpoint.head[1]) if checkpoint.head else 1,
        backbone_options={**options, **arguments.backbone_options},
    )
    encoder = Encoder(config).eval()
    found = network_in(encoder.backbone, checkpoint.backbone, arguments.file)
    checkpoint = checkpoint._replace(backbone=found)
    by_timm = fill_backbone(encoder.backbone, checkpoint.backbone, arguments.file)
    seen_by = (by_timm and _as_published(arguments.backbone, checkpoint)) or config
    mean, std = arguments.mean or seen_by.mean, arguments.std or seen_by.std
    encoder.config = replace(config, mean=tuple(mean), std=tuple(std))  # all that is saved of them
    size = encoder.head.in_features
    weight, bias = checkpoint.head or (torch.eye(size), torch.zeros(size))
    if weight.shape[1] != size:
        raise UserError(
            f"{arguments.file}: its head is for {weight.shape[1]} features, and --pooling "
            f"{config.pooling} gives {size}; name another"
        )
    encoder.set_head(weight, bias)
    return encoder


def _as_published(backbone: str, checkpoint: ForeignWeights) -> PretrainedCfg | None:
    """Return what timm says of weights, where they may be those that it publishes."""
    timms = timm.get_pretrained_cfg(backbone)
    return timms if timms and bool(timms.num_classes) == checkpoint.has_classifier else None


def _image_size(backbone: str, checkpoint: ForeignWeights) -> int:
    if checkpoint.head:
        return _SSCD_SIZE
    return int((timm.get_pretrained_cfg(backbone) or PretrainedCfg()).input_size[-1])
