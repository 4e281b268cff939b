"""Make the weights from which both sides start.

The backbone is random, timm's pretrained one, or a safetensors file; the head is the partly
whitened PCA of its features on training images. Q and K start from the same weights, because
similarities between two unrelated spaces cannot be compared.
"""

import argparse
import logging
from pathlib import Path

import torch

from iscqk.formats.manifest import listed_paths, read_training
from iscqk.learning.initialization import calibrate_batch_norm, fit_head, head_images
from iscqk.models.device import set_threads
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.timm_adapter import PretrainedCfg, timm
from iscqk.models.weights import load_backbone, save_encoder
from iscqk.settings.model import Model

logger = logging.getLogger(__name__)

EXAMPLE = r"""iscqk initial --training data/training.csv --config "$(cat model.json)" --seed 0 \
    --output q.safetensors k.safetensors"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", metavar="MANIFEST", required=True)
    parser.add_argument("--config", type=Model.parse, required=True, help="the `model` section")
    parser.add_argument(
        "--weights", metavar="FILE", help="of the backbone, where the section names a file"
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="q and k, alike")
    parser.add_argument("--threads", type=int, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Build the encoder, fit its head and write it for each side."""
    paths = listed_paths(read_training(arguments.training))
    set_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    config = arguments.config
    encoder = _build(config, arguments.weights or config.weights)
    images = head_images(paths, config.image_size, config.head_images, arguments.seed)
    logger.info("%s: %d features", config.backbone, encoder.head.in_features)
    if config.weights == "none":
        calibrate_batch_norm(encoder, images)
    fit_head(encoder, images, config.whitening)
    for path in arguments.output:
        save_encoder(path, encoder, {"half_round": "initial", "model": config.given})


def _build(config: Model, weights: str) -> Encoder:
    pretrained = weights == "pretrained"
    timms = timm.get_pretrained_cfg(config.backbone) or PretrainedCfg()
    encoder = Encoder(
        EncoderConfig(
            backbone=config.backbone,
            image_size=config.image_size,
            pooling=config.pooling,
            descriptor_size=config.descriptor_size,
            mean=config.mean or timms.mean,
            std=config.std or timms.std,
            backbone_options=dict(config.backbone_options),
        ),
        pretrained,
    )
    if weights not in ("none", "pretrained"):
        load_backbone(encoder, weights)
    return encoder
