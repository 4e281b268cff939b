"""Checkpoints of other projects: read without running what is in them, and named as timm does.

Names that are understood: timm's own; torchvision's ResNet, MobileNet, EfficientNet and ViT, and
whatever holds the same tensors in the same order as timm's network; Classy Vision's ResNet and
ResNeXt, as SSCD has them; DINO and DINOv2. Around them there may be what trainings put there: a
dictionary (`state_dict`, `model`, `teacher`), prefixes (`module.`, `backbone.`), a classifier. Of
weights and their running mean (`model_ema`, `ema.`) the mean is taken, as timm does; of a student
and its teacher this one. What else is there twice is refused, as is what may be another network;
layers, means and losses beside it are passed over.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from iscqk.errors import UserError
from iscqk.formats.files import refuse_missing
from iscqk.formats.model_files import is_safetensors
from iscqk.models.timm_adapter import checkpoint_filter_fn, timm
from iscqk.models.torch_files import read_torch_file
from iscqk.models.weights import is_encoder, refuse_not_finite

Weights = dict[str, Tensor]

_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "teacher", "model")  # dictionaries
_AROUND, _BACKBONE = ("module", "_orig_mod", "model"), "backbone"  # first words of names
_MEAN = re.compile(r"(^|[_.])(ema|teacher)([_.]|$)")  # what a training is judged by, of copies
_HEADS = ("embeddings.1", "backbone.fc")  # SSCD's layers, Classy Vision's and torchvision's
# What there may be beside the backbone; any other part that has kernels may be a network.
_BESIDE = re.compile(
    r"(fc|classifier|head_dist|heads?|dino_head|ibot_head|projection|projection_head|projector"
    r"|predictor|prototypes|embeddings|mask_token|criterion|loss|n_averaged)\b"
)
_MOST_SHARED = 4  # layers that have the same weights, on average: they are in the file once
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

    @property
    def has_classifier(self) -> bool:
        """Whether a classifier lies with the backbone, or another layer behind it."""
        return any(_BESIDE.match(name) for name in self.backbone if name != "mask_token")


def read_foreign_weights(path: str | Path) -> ForeignWeights:
    """Read safetensors, or what `torch.save` wrote, of which nothing is run.

    Raises:
        UserError: it cannot be read so, is one of iscqk's, or holds no weights, or two networks.
    """
    if is_encoder(path):
        raise UserError(f"{path}: is one of iscqk's already; name it as model.weights")
    found = _without_prefixes(_tensors(_read(path), path), _AROUND, path)
    if not found:
        raise UserError(f"{path}: holds no weights by name; name a file of a state_dict")
    _refuse_no_numbers(path, found)
    found = {name: tensor.float() for name, tensor in found.items()}
    refuse_not_finite(path, found)
    backbone = _without_prefixes(found, (_BACKBONE, *_AROUND), path)
    for layer in _HEADS:
        if {f"{layer}.weight", f"{layer}.bias"} <= set(found):
            head = found[f"{layer}.weight"], found[f"{layer}.bias"]
            return ForeignWeights(backbone, head, layer)
    return ForeignWeights(backbone, None)


def _read(path: str | Path) -> Any:
    refuse_missing(path)
    if is_safetensors(path):
        try:
            return load_file(path)
        except (OSError, safetensors.SafetensorError) as error:
            raise UserError(f"{path}: cannot read these weights ({error}); name others") from None
    return read_torch_file(path)


def _tensors(found: Any, path: str | Path) -> Weights:
    """Return the tensors of a checkpoint by name, out of the dictionaries that hold them."""
    if not isinstance(found, Mapping):
        return {}
    held = {str(k): _tensors(v, path) for k, v in found.items() if isinstance(v, Mapping)}
    if known := [name for name in _WRAPPERS if held.get(name)]:
        return held[_judged(held, known[0], path)]
    return {str(name): value for name, value in found.items() if isinstance(value, Tensor)}


def _without_prefixes(weights: Weights, prefixes: Sequence[str], path: str | Path) -> Weights:
    """Return weights whose names have prefixes, in any order, without these; else all."""
    parts: dict[str, Weights] = {}
    for name, tensor in weights.items():
        first, _, rest = name.partition(".")
        parts.setdefault(first, {})[rest] = tensor
    for prefix in prefixes:
        if prefix in parts:
            judged, copies = _judged(parts, prefix, path), _copies(parts, prefix)
            foreign = [k for k in parts.keys() - copies if _may_be_network(k, parts[k])]
            if foreign:
                raise UserError(
                    f"{path}: holds {min(foreign)} beside {judged}, which may be another network; "
                    "save the weights of one network alone"
                )
            return _without_prefixes(parts[judged], prefixes, path)
    return weights


def _may_be_network(name: str, weights: Weights) -> bool:
    """Return whether a part is more than a layer, means or a loss: it has kernels or patches."""
    return not _BESIDE.match(name) and any(tensor.dim() > 2 for tensor in weights.values())


def _judged(parts: Mapping[str, Weights], name: str, path: str | Path) -> str:
    """Return which part holds the network: the named one, or of its copies the one to judge by."""
    copies = _copies(parts, name)
    judged = [one for one in copies if _MEAN.search(one)] or copies
    if len(judged) > 1:
        raise UserError(
            f"{path}: holds the network as {' and as '.join(judged)}; save one of them alone"
        )
    return judged[0]


def _copies(parts: Mapping[str, Weights], name: str) -> list[str]:
    """Return the parts that hold most tensors that the named one has, this among them."""
    wanted = _core(parts[name])
    return [one for one, held in parts.items() if 2 * len(wanted & _core(held)) > len(wanted)]


def _core(weights: Weights) -> set[tuple[str, torch.Size]]:
    """Return names and shapes of tensors, the names without what may be around them."""
    around = re.compile(rf"(({'|'.join((*_AROUND, _BACKBONE))})\.)*")
    return {(around.sub("", name, count=1), tensor.shape) for name, tensor in weights.items()}


def _refuse_no_numbers(path: str | Path, weights: Weights) -> None:
    """Refuse tensors that are no plain numbers, or of which most are not in the file."""
    for name, tensor in weights.items():
        is_dense = tensor.layout == torch.strided and not (tensor.is_quantized or tensor.is_nested)
        if not is_dense or tensor.is_meta or tensor.is_complex():
            raise UserError(
                f"{path}: weights {name} are no plain numbers, but quantized, sparse, nested, "
                "complex or left out; save them as float32"
            )
    taken = sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
    if taken > _MOST_SHARED * os.path.getsize(path):
        what = f"its weights would take {taken} bytes, as one number stands for many"
        raise UserError(f"{path}: {what}; save them one by one, of each a .clone()")


def options_of_weights(backbone: str, weights: Weights) -> dict[str, Any]:
    """Return what `timm.create_model` must be told of a network to compute as their own does."""
    is_torchvisions = any(map(_TORCHVISION_BLOCK.match, weights))
    return {"bn_eps": 1e-3} if is_torchvisions and _OTHER_EPS.match(backbone) else {}


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
        return weights.keys() >= {name for name in target if not name.endswith(_COUNT)}
    what = f"{path}: not the weights of {_named(backbone)}"
    if 2 * len(named.keys() & target.keys()) > len(target):  # then places say less than names
        raise UserError(
            f"{what} as it is built: {unfit}; name another --backbone or its --backbone-options"
        )
    found = _by_order(target, weights)
    if found is None:
        lost = ", which a file of torch.save would tell by their order" * is_safetensors(path)
        raise UserError(f"{what}, or by unknown names{lost}; name another --backbone")
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
    foreign = [k for k in named if k not in target and not _BESIDE.match(k)]
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
