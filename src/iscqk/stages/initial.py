"""Make the weights from which both sides start.

The backbone is random, timm's pretrained one, or a safetensors file; the head is the partly
whitened PCA of its features on training images. Q and K start from the same weights, because
similarities between two unrelated spaces cannot be compared. Whole encoders, the ready model's or
an imported one, keep their heads, unless more dimensions than asked for come out of them: then
these go through such a PCA, too.

Looked at here, not after hours of training: sizes to describe at, what others say of the images,
the loss of the method, whether there is a compiler for who wants one.
"""

import argparse
import dataclasses
import itertools
import logging
from pathlib import Path
from typing import Any

import torch

from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.manifest import listed_paths, read_training
from iscqk.formats.model_files import is_encoder, is_teaching_network
from iscqk.learning.data_loading import OriginalImages
from iscqk.learning.given_of_images import check_teacher, read_near_duplicates
from iscqk.learning.initialization import calibrate_batch_norm, fit_head, head_images, narrow_heads
from iscqk.methods import METHODS
from iscqk.models.device import choose_device, refuse_no_compiler, set_threads
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.hub import load_hub_folder
from iscqk.models.ready import READY, ready_networks, ready_sides, with_network
from iscqk.models.timm_adapter import PretrainedCfg, timm
from iscqk.models.weights import load_backbone, load_encoder, save_encoder
from iscqk.runtime.options import at_once, count, output_file
from iscqk.settings.model import Model

logger = logging.getLogger(__name__)

EXAMPLE = r"""iscqk initial --training data/training.csv --config "$(cat model.json)" --seed 0 \
    --output q.safetensors k.safetensors"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--training", metavar="MANIFEST", required=True)
    parser.add_argument("--config", type=_model, required=True, help="the `model` section")
    parser.add_argument(
        "--weights", metavar="FILE", help="that the section names, where it lies elsewhere"
    )
    parser.add_argument(
        "--sizes", type=count, nargs="*", default=[], metavar="PIXELS",
        help="sides at which images will be described, too",
    )  # fmt: skip
    later = "that will be learned by, looked at beforehand"
    parser.add_argument("--near-duplicates", metavar="CSV", help=f"id,near_duplicate {later}")
    parser.add_argument(
        "--teacher", metavar="FILE", help=f"the images by another model, or a network, {later}"
    )
    parser.add_argument(
        "--compile", action="store_true", help="torch will compile it; see beforehand that it can"
    )
    parser.add_argument("--method", choices=METHODS, help=later)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=output_file, nargs="+", required=True, help="q and k")
    parser.add_argument("--threads", type=at_once, default=1)


def _model(text: str) -> Model:
    section = dict(Model.parse(text).given)
    Model.fill_defaults(section)
    return Model.parse(with_network(section))


def run(arguments: argparse.Namespace) -> None:
    """Build the encoder, fit its head and write it for each side."""
    rows = read_training(arguments.training)
    _check_given(arguments, rows["id"].tolist())
    if arguments.compile:
        refuse_no_compiler(choose_device())
    paths = listed_paths(rows)
    set_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    config = arguments.config
    if arguments.weights:
        config = dataclasses.replace(config, weights=arguments.weights)
    facts = _facts(arguments, config)
    images = head_images(paths, config.image_size, config.head_images, arguments.seed)
    if encoders := _given_encoders(config):
        if encoders[0].head.out_features > config.descriptor_size:
            narrow_heads(encoders, images, config.descriptor_size, config.whitening)
    else:
        encoders = [_with_new_head(config, images)]
    for encoder in encoders:
        encoder.refuse_sizes(arguments.sizes)
    sides = itertools.cycle(encoders)
    for path, encoder in zip(arguments.output, sides, strict=False):
        save_encoder(path, encoder, facts)


def _facts(arguments: argparse.Namespace, config: Model) -> dict[str, Any]:
    """Return what the weights say of their making; of given files what they are now, when read."""
    named = ready_networks() if config.weights == READY else [config.weights]
    return {
        "half_round": "initial",
        "model": config.given,
        "seed": arguments.seed,
        "started_from_sha256": [sha256_of(path) for path in named if Path(path).is_file()],
    }


def _check_given(arguments: argparse.Namespace, ids: list[str]) -> None:
    """Refuse what others say of images, where it is not of these, and a method without a loss."""
    if arguments.method and METHODS[arguments.method].learns:
        METHODS[arguments.method].load_objective()
    if arguments.near_duplicates:
        read_near_duplicates(arguments.near_duplicates, ids)
    if arguments.teacher and is_teaching_network(arguments.teacher):
        load_encoder(arguments.teacher)
    elif arguments.teacher:
        check_teacher(arguments.teacher, ids)


def _given_encoders(config: Model) -> list[Encoder]:
    """Return what `model.weights` names as a whole, heads too: of each side, or one for both.

    Where it names a backbone only, or nothing, there are none.

    Raises:
        UserError: it cannot be read, or is of another kind than the config says.
    """
    if config.weights == READY:  # which `with_network` has compared
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


def _with_new_head(config: Model, images: OriginalImages) -> Encoder:
    encoder = _build(config)
    logger.info("%s: %d features", config.backbone, encoder.head.in_features)
    if config.weights == "none":
        calibrate_batch_norm(encoder, images)
    fit_head(encoder, images, config.whitening)
    return encoder


def _build(config: Model) -> Encoder:
    pretrained = config.weights == "pretrained"
    backbone = str(config.backbone)  # one is named by now, see `with_network`
    timms = timm.get_pretrained_cfg(backbone) or PretrainedCfg()
    encoder = Encoder(
        EncoderConfig(
            backbone=backbone,
            image_size=config.image_size,
            pooling=config.pooling,
            descriptor_size=config.descriptor_size,
            mean=config.mean or timms.mean,
            std=config.std or timms.std,
            backbone_options=dict(config.backbone_options),
        ),
        pretrained,
    )
    if config.weights not in ("none", "pretrained"):
        load_backbone(encoder, config.weights)
    return encoder
