"""Checkpoints of other projects: read without running what is in them, and named as timm does.

Names that are understood: timm's own; torchvision's ResNet, MobileNet, EfficientNet and ViT, and
whatever holds the same tensors in the same order as timm's network; Classy Vision's ResNet and
ResNeXt, as SSCD has them; DINO and DINOv2. Around them there may be what trainings put there: a
dictionary (`state_dict`, `model`, `teacher`), prefixes (`module.`, `backbone.`), a classifier; by
other names what fits is taken (`iscqk.models.fitting_weights`). Of weights and their running mean
(`model_ema`, `ema.`) the mean is taken, as timm does; of a student and its teacher this one. What
else is there twice is refused, as is what may be another network; layers, means and losses beside
it are passed over.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor

from iscqk.errors import UserError
from iscqk.formats.model_files import is_encoder, is_safetensors
from iscqk.formats.path_checks import refuse_missing
from iscqk.formats.safetensors_files import safetensors_at
from iscqk.models.torch_files import read_torch_file
from iscqk.models.weights import refuse_unusable

Weights = dict[str, Tensor]

_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "teacher", "model")  # dictionaries
_AROUND, _BACKBONE = ("module", "_orig_mod", "model"), "backbone"  # first words of names
_MEAN = re.compile(r"(^|[_.])(ema|teacher)([_.]|$)")  # what a training is judged by, of copies
_HEADS = ("embeddings.1", "backbone.fc")  # SSCD's layers, Classy Vision's and torchvision's
# What there may be beside the backbone; any other part that has kernels may be a network.
BESIDE = re.compile(
    r"(fc|classifier|head_dist|heads?|dino_head|ibot_head|projection|projection_head|projector"
    r"|predictor|prototypes|embeddings|mask_token|criterion|loss|n_averaged)\b"
)
_MOST_SHARED = 4  # layers that have the same weights, on average: they are in the file once


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
        return any(BESIDE.match(name) for name in self.backbone if name != "mask_token")


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
    refuse_unusable(path, found)
    backbone = _without_prefixes(found, (_BACKBONE, *_AROUND), path)
    for wanted in _HEADS:
        if layers := [name for name in _layers(found) if f".{name}".endswith(f".{wanted}")]:
            layer = one_of(layers, path)
            head = found[f"{layer}.weight"], found[f"{layer}.bias"]
            return ForeignWeights(backbone, head, layer)
    return ForeignWeights(backbone, None)


def _layers(weights: Weights) -> list[str]:
    named = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    return [name for name in named if f"{name}.bias" in weights]


def _read(path: str | Path) -> Any:
    refuse_missing(path)
    if is_safetensors(path):
        with safetensors_at(path, "cannot read these weights", "name others") as name:
            return load_file(name)
    return read_torch_file(path)


def _tensors(found: Any, path: str | Path) -> Weights:
    """Return the tensors of a checkpoint by name, out of the dictionaries that hold them."""
    if not isinstance(found, Mapping):
        return {}
    held = {str(k): _tensors(v, path) for k, v in found.items() if isinstance(v, Mapping)}
    if known := [name for name in _WRAPPERS if held.get(name)]:
        return held[_judged(held, known[0], path)]
    here = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    if not _has_kernels(here):  # dictionaries of other names count as prefixes do
        for around, weights in held.items():
            if not around.isdecimal():  # as in the state of an optimizer
                here |= {f"{around}.{name}": tensor for name, tensor in weights.items()}
    return here


def parts_of(weights: Weights) -> dict[str, Weights]:
    """Return weights by the first word of their names, of which they are then without."""
    parts: dict[str, Weights] = {}
    for name, tensor in weights.items():
        first, _, rest = name.partition(".")
        parts.setdefault(first, {})[rest] = tensor
    return parts


def _has_kernels(weights: Weights) -> bool:
    return any(tensor.dim() > 2 for tensor in weights.values())


def _without_prefixes(weights: Weights, prefixes: Sequence[str], path: str | Path) -> Weights:
    """Return weights whose names have prefixes, in any order, without these; else all."""
    parts = parts_of(weights)
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
    return not BESIDE.match(name) and _has_kernels(weights)


def _judged(parts: Mapping[str, Weights], name: str, path: str | Path) -> str:
    """Return which part holds the network: the named one, or of its copies the one to judge by."""
    return one_of(_copies(parts, name), path)


def one_of(copies: Sequence[str], path: str | Path) -> str:
    """Return which of a network's copies, by their names, it is judged by.

    Raises:
        UserError: their names do not say.
    """
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
