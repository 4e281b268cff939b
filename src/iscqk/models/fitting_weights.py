"""Weights of other projects put into one of timm's networks, by names or by the order of layers.

Around them there may be a dictionary or prefix of any name, if one alone holds such a network.
"""

import re
from pathlib import Path
from typing import Any

from torch import nn

from iscqk.errors import UserError
from iscqk.formats.model_files import is_safetensors
from iscqk.models.foreign_weights import BESIDE, Weights, one_of, parts_of
from iscqk.models.timm_adapter import checkpoint_filter_fn, timm

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

_TORCHVISION_LAYER = re.compile(r"(.*\.)?features\.\d+\.")
# Of these torchvision has batch norms of another eps than timm; its MobileNetV2 has no `block`.
_TORCHVISION_BLOCK = re.compile(r"(.*\.)?features\.\d+\.(\d+\.)?block\.")
_OTHER_EPS = re.compile(r"(efficientnet_b[567]|efficientnetv2|mobilenetv3)")


def options_of_weights(backbone: str, weights: Weights) -> dict[str, Any]:
    """Return what `timm.create_model` must be told of a network to compute as their own does."""
    is_torchvisions = any(map(_TORCHVISION_BLOCK.match, weights))
    return {"bn_eps": 1e-3} if is_torchvisions and _OTHER_EPS.match(backbone) else {}


def network_in(backbone: Any, weights: Weights, path: str | Path) -> Weights:
    """Return a network's weights without what is around them, a dictionary or prefix of any name.

    Args:
        backbone: timm's network.
        weights: a checkpoint's; a dictionary's name is the first word of its tensors' names.
        path: of the checkpoint.

    Returns:
        All of them, where nothing in them fits the network.

    Raises:
        UserError: several parts of them fit alike.
    """
    target = backbone.state_dict()
    for fits in (_fits_by_name, _fits_by_order):
        found: dict[str, Weights] = {}
        level = {"": weights}
        while level:
            found |= {name: part for name, part in level.items() if fits(backbone, target, part)}
            others = {name: part for name, part in level.items() if name not in found}
            level = _below(others, max(2, len(_counted(target))))
        if found:
            return found[one_of(list(found), path)]
    return weights


def _below(level: dict[str, Weights], least: int) -> dict[str, Weights]:
    """Return the parts of weights that have as many tensors as a network, by their full names."""
    return {
        f"{around}.{first}".removeprefix("."): part
        for around, weights in level.items()
        for first, part in parts_of(weights).items()
        if len(part) >= least
    }


def _fits_by_name(backbone: Any, target: Weights, weights: Weights) -> bool:
    return not _unfit(target, _named_as_timms(backbone, target, weights))


def _fits_by_order(backbone: Any, target: Weights, weights: Weights) -> bool:
    return _by_order(target, weights) is not None


def _counted(weights: Weights) -> list[str]:
    return [name for name in weights if not name.endswith(_COUNT)]


def fill_backbone(backbone: Any, weights: Weights, path: str | Path) -> bool:
    """Fill one of timm's networks with a checkpoint's weights.

    Returns:
        Whether the weights have timm's own names.

    Raises:
        UserError: they are of another network, or by names that are not understood.
    """
    if any(map(_TORCHVISION_LAYER.match, weights)) and _pads_unevenly(backbone):
        raise UserError(
            f"{path}: torchvision's weights, and {_named(backbone)} pads as TensorFlow does; "
            "name a --backbone without tf_ or pad_type"
        )
    target = backbone.state_dict()
    named = _named_as_timms(backbone, target, weights)
    unfit = _unfit(target, named)
    if not unfit:
        backbone.load_state_dict({**target, **{k: v for k, v in named.items() if k in target}})
        return weights.keys() >= set(_counted(target))
    what = f"{path}: not the weights of {_named(backbone)}"
    if 2 * len(named.keys() & target.keys()) > len(target):  # then places say less than names
        raise UserError(
            f"{what} as it is built: {unfit}; name another --backbone or its --backbone-options"
        )
    found = _by_order(target, weights)
    if found is None:
        lost = ", which a file of torch.save would tell by their order" * is_safetensors(path)
        raise UserError(
            f"{what}, or by unknown names{lost}; name another --backbone, or save the state_dict "
            f"of the network alone: these names begin with {', '.join([*parts_of(weights)][:5])}"
        )
    backbone.load_state_dict({**target, **found})
    return False


def _pads_unevenly(backbone: nn.Module) -> bool:
    return any(type(module).__name__ == "Conv2dSame" for module in backbone.modules())


def _named_as_timms(backbone: Any, target: Weights, weights: Weights) -> Weights:
    """Return weights by the names that timm has for them, of a ViT to its size of images."""
    named = {_as_timms(name): tensor for name, tensor in weights.items()}
    patches = "patch_embed.proj.weight"
    is_vit = isinstance(backbone, timm.models.VisionTransformer) and patches in named
    if is_vit and named[patches].shape == target[patches].shape:
        named = checkpoint_filter_fn(dict(named), backbone)
    return named


def _unfit(target: Weights, named: Weights) -> str:
    """Return what keeps weights from being a network's by their names, "" where nothing does."""
    foreign = [k for k in named if k not in target and not BESIDE.match(k)]
    for name, tensor in target.items():
        if name not in named and not name.endswith(_COUNT):
            return f"it lacks {name}" + f" and has {', '.join(foreign[:2])}" * bool(foreign)
        if name in named and named[name].shape != tensor.shape:
            return f"its {name} is {[*named[name].shape]} where {[*tensor.shape]} is needed"
    return f"{foreign[0]} has no place" if foreign else ""


def _as_timms(name: str) -> str:
    for old, new in _TORCHVISION_VIT:
        name = re.sub(old, new, name)
    return name


def _by_order(target: Weights, weights: Weights) -> Weights | None:
    """Return weights that have the shapes and kinds of timm's, one after the other.

    Two implementations of one network define its layers in the order in which they are used.
    """
    names, others = _counted(target), _counted(weights)
    if len(others) < len(names) or not all(map(BESIDE.match, others[len(names) :])):
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
