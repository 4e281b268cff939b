"""Checkpoints of other projects: read without running what is in them, and named as timm does.

Names that are understood: timm's own; torchvision's ResNet, MobileNet, EfficientNet and ViT, and
whatever holds the same tensors in the same order as timm's network; Classy Vision's ResNet and
ResNeXt, as SSCD has them; DINO and DINOv2. Around them there may be what trainings put there: a
dictionary (`state_dict`, `model`, `teacher`), prefixes (`module.`, `backbone.`), a classifier. Of
weights and their running mean (`state_dict_ema`, `model_ema`) the mean is taken, as timm does.
"""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from iscqk.errors import UserError
from iscqk.models.timm_adapter import checkpoint_filter_fn, timm
from iscqk.models.weights import refuse_not_finite

Weights = dict[str, Tensor]

# Dictionaries in dictionaries: of several the first, which is what its training was judged by.
_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "teacher", "model")
_AROUND, _BACKBONE = ("module.", "_orig_mod.", "model."), "backbone."  # prefixes
_HEADS = ("embeddings.1", "backbone.fc")  # SSCD's layers, Classy Vision's and torchvision's
# What there may be beside the backbone; anything else means another network.
_BESIDE = re.compile(
    r"(fc|classifier|head_dist|heads?|dino_head|ibot_head|projection|prototypes|mask_token)\b"
)
_COUNT = "num_batches_tracked"  # of a batch norm whose momentum is fixed, it changes nothing
_TORCHVISION_VIT = [
    (r"class_token", "cls_token"),
    (r"conv_proj\.", "patch_embed.proj."),
    (r"encoder\.pos_embedding", "pos_embed"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.", r"blocks.\1."),
    (r"encoder\.ln\.", "norm."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.self_attention\.in_proj_", ".attn.qkv."),
    (r"\.self_attention\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.(0|linear_1)\.", ".mlp.fc1."),
    (r"\.mlp\.(3|linear_2)\.", ".mlp.fc2."),
]

_TORCHVISION_LAYER = re.compile(r"features\.\d+\.")
# Of these torchvision has batch norms of another eps than timm; its MobileNetV2 has no `block`.
_TORCHVISION_BLOCK = re.compile(r"features\.\d+\.(\d+\.)?block\.")
_OTHER_EPS = re.compile(r"(efficientnet_b[567]|efficientnetv2|mobilenetv3)")


class ForeignWeights(NamedTuple):
    """A backbone by whatever names, and the linear layer (D, C), (D,) that makes descriptors of it.

    The latter is SSCD's, or whatever has its name (`layer`): a classifier may, too.
    """

    backbone: Weights
    head: tuple[Tensor, Tensor] | None
    layer: str = ""


def read_foreign_weights(path: str | Path) -> ForeignWeights:
    """Read safetensors, or what `torch.save` wrote, of which nothing is run.

    Raises:
        UserError: it cannot be read so, or holds no weights.
    """
    found = _without_prefixes(_tensors(_read(path)), _AROUND)
    if not found:
        raise UserError(f"{path}: holds no weights by name; name a file of a state_dict")
    refuse_not_finite(path, found)
    backbone = _without_prefixes(found, (_BACKBONE, *_AROUND))
    for layer in _HEADS:
        if {f"{layer}.weight", f"{layer}.bias"} <= set(found):
            head = found[f"{layer}.weight"], found[f"{layer}.bias"]
            return ForeignWeights(backbone, head, layer)
    return ForeignWeights(backbone, None)


def _read(path: str | Path) -> Any:
    if Path(path).suffix == ".safetensors":
        try:
            return load_file(path)
        except (OSError, safetensors.SafetensorError) as error:
            raise UserError(f"{path}: cannot read these weights ({error}); name others") from None
    if _is_program(path):
        raise UserError(
            f"{path}: a TorchScript file, which is a program and not only weights; name the file "
            "of its weights (of SSCD *.torchvision.pt), or save its state_dict if you trust it"
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # of old pickles, which the error tells of
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        what = "holds more than weights, of which nothing is run, or is no file of torch"
        raise UserError(f"{path}: {what}; save its state_dict alone if you trust it") from None
    except Exception as error:  # of many types, as anything may be in the file
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(f"{path}: cannot read these weights ({reason}); name others") from None


def _is_program(path: str | Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(re.match(r"[^/]+/code/", name) for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _tensors(found: Any) -> Weights:
    """Return the tensors of a checkpoint by name, out of the dictionaries that hold them."""
    if not isinstance(found, Mapping):
        return {}
    if inner := [name for name in _WRAPPERS if isinstance(found.get(name), Mapping)]:
        return _tensors(found[inner[0]])
    return {str(name): value.float() for name, value in found.items() if isinstance(value, Tensor)}


def _without_prefixes(weights: Weights, prefixes: Sequence[str]) -> Weights:
    """Return weights whose names have prefixes, in any order, without these; else all."""
    for prefix in prefixes:
        inner = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        if inner:
            return _without_prefixes(inner, prefixes)
    return weights


def options_of_weights(backbone: str, weights: Weights) -> dict[str, Any]:
    """Return what `timm.create_model` must be told of a network to compute as their own does."""
    is_torchvisions = any(map(_TORCHVISION_BLOCK.match, weights))
    return {"bn_eps": 1e-3} if is_torchvisions and _OTHER_EPS.match(backbone) else {}


def fill_backbone(backbone: Any, weights: Weights, path: str | Path) -> None:
    """Fill one of timm's networks with a checkpoint's weights.

    Raises:
        UserError: they are of another network, or by names that are not understood.
    """
    if any(map(_TORCHVISION_LAYER.match, weights)) and _pads_unevenly(backbone):
        raise UserError(
            f"{path}: torchvision's weights, and {_named(backbone)} pads as TensorFlow does; "
            "name a --backbone without tf_ or pad_type"
        )
    target = backbone.state_dict()
    found = _by_name(backbone, target, weights) or _by_order(target, weights)
    if found is None:
        raise UserError(
            f"{path}: not the weights of {_named(backbone)}, or by unknown names; "
            "name another --backbone"
        )
    backbone.load_state_dict({**target, **found})


def _pads_unevenly(backbone: nn.Module) -> bool:
    return any(type(module).__name__ == "Conv2dSame" for module in backbone.modules())


def _by_name(backbone: Any, target: Weights, weights: Weights) -> Weights | None:
    """Return weights by timm's names, where they are all there and little else is."""
    named = {_as_timms(name): tensor for name, tensor in weights.items()}
    patches = "patch_embed.proj.weight"
    is_vit = isinstance(backbone, timm.models.VisionTransformer) and patches in named
    if is_vit and named[patches].shape == target[patches].shape:
        named = checkpoint_filter_fn(dict(named), backbone)  # also to another size of images
    found = {name: named[name] for name in target if name in named}
    lacking = [name for name in target if name not in found and not name.endswith(_COUNT)]
    foreign = [name for name in named if name not in target and not _BESIDE.match(name)]
    alike = all(tensor.shape == target[name].shape for name, tensor in found.items())
    return found if alike and not lacking and not foreign else None


def _as_timms(name: str) -> str:
    for old, new in _TORCHVISION_VIT:
        name = re.sub(old, new, name)
    return name


def _by_order(target: Weights, weights: Weights) -> Weights | None:
    """Return weights that have the shapes and kinds of timm's, one after the other.

    Two implementations of one network define its layers in the order in which they are used.
    """
    names, others = ([k for k in one if not k.endswith(_COUNT)] for one in (target, weights))
    if len(others) < len(names) or not all(map(_BESIDE.match, others[len(names) :])):
        return None
    found = {}
    for name, other in zip(names, others, strict=False):
        wanted, tensor = target[name], weights[other]
        same_kind = name.rpartition(".")[2] == other.rpartition(".")[2]
        if not same_kind or tensor.squeeze().shape != wanted.squeeze().shape:
            return None
        found[name] = tensor.reshape(wanted.shape)  # what is linear may be a convolution of 1 x 1
    return found


def _named(backbone: nn.Module) -> str:
    config: dict[str, Any] = getattr(backbone, "pretrained_cfg", {})
    return str(config.get("architecture", type(backbone).__name__))
