"""The ready model: trained once, and part of the package.

It lies in `iscqk/ready/model`, a model's folder as `iscqk pack` writes it. Nothing imports
`iscqk.ready`, so that other weights there rerun only what is made from them (`iscqk.plan.run`).

A training that starts from it takes its networks, heads included. That it describes at several
sizes, and ranks by a bank of its own, is how `iscqk match` uses it; a run says that in `describe`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iscqk.errors import UserError
from iscqk.formats.model_files import BACKBONE, CONFIG, HEAD, read_encoder_facts

READY = "ready"  # as `model.weights`
FROM_NOTHING = "workflow/presets/from-nothing.yaml"
_FOLDER = Path(__file__).parent.parent / "ready/model"
_NETWORK = (CONFIG, BACKBONE, HEAD)  # of a side
_BROUGHT = ("backbone", "pooling", "mean", "std", "backbone_options")


def ready_folder() -> Path:
    """Return the folder of the ready model.

    Raises:
        UserError: there is none in this installation.
    """
    if not _FOLDER.is_dir():
        raise UserError(
            "no ready model: this installation carries none; name a model's folder (--model), or "
            f"weights to start from (model.weights; {FROM_NOTHING} starts from random ones)"
        )
    return _FOLDER


def ready_sides() -> list[Path]:
    """Return the folders of the ready model's networks: of each side, or one for both."""
    sides = [ready_folder() / side for side in ("queries", "references")]
    return [side for side in sides if side.is_dir()]


def ready_networks() -> list[str]:
    """Return the files of the ready model that a training starts from."""
    return [str(side / name) for side in ready_sides() for name in _NETWORK]


def keeps_head(model: Mapping[str, Any]) -> bool:
    """Return whether a training that starts from the ready model takes its head as it is.

    Args:
        model: the section `model` of the config, by which it does start from that.

    Raises:
        UserError: there is no ready model.
    """
    return bool(model["descriptor_size"] == _own_network()["descriptor_size"])


def with_network(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section `model` of the config with the network that it leaves open.

    That is the ready model's, where training starts from it.

    Args:
        model: the section, defaults filled in.

    Raises:
        UserError: it names no network, or another one than the ready model's; or there is none.
    """
    if model["weights"] == READY:
        return {**model, **_of_ready(model)}
    if model["backbone"] is None:
        one = f", or lay {FROM_NOTHING} under your files" if model["weights"] == "none" else ""
        raise UserError(
            f"config: model.backbone: name the network for model.weights: {model['weights']}{one}"
        )
    return dict(model)


def _of_ready(model: Mapping[str, Any]) -> dict[str, Any]:
    own = _own_network()
    for key in _BROUGHT:
        if model[key] not in (None, {}, own[key]):
            raise UserError(
                f"config: model.{key}: {model[key]} is not the ready model's, {own[key]}; for "
                f"another network set model.weights: none (as in {FROM_NOTHING}), pretrained or a "
                "file"
            )
    if model["descriptor_size"] > own["descriptor_size"]:
        raise UserError(
            f"config: model.descriptor_size: {model['descriptor_size']} is more than the ready "
            f"model has; lower it to {own['descriptor_size']}, or set other model.weights"
        )
    return {key: own[key] for key in _BROUGHT}


def _own_network() -> dict[str, Any]:
    """Return what the ready model says of its network; that of both sides is alike."""
    folder = ready_folder() / "queries"
    try:
        own = read_encoder_facts(folder)["encoder"]
        return {key: own[key] for key in (*_BROUGHT, "descriptor_size")}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{folder / CONFIG}: no model of iscqk ({error}); install iscqk again"
        ) from None
