"""Keys that say nothing beside some values of others: runs that differ in them are alike."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from iscqk.errors import UserError
from iscqk.methods import METHODS, own_section
from iscqk.models.ready import READY, keeps_head
from iscqk.retrieval.rankings import RANKINGS
from iscqk.settings.config import Config as WholeConfig

Config = dict[str, Any]


class _Beside(NamedTuple):
    """Beside which values of another key one says nothing, unless something else asks for it.

    Attributes:
        other: that key.
        values: those of it.
        unless: whether something else in a config asks for it.
        refusal: how a refusal ends that begins with what says nothing; "" where it may stand.
    """

    other: str
    values: Collection[Any]
    unless: Callable[[Config], bool] = lambda config: False
    refusal: str = ""


def _makes_head(config: Config) -> bool:
    """Return whether the PCA of a head is made though a training starts from the ready model."""
    own = own_section(config["train"])
    trained = [own, *([config["train"]["simclr"]] if own.get("warm_up_images") else [])]
    is_refitted = [one.get("refit_head") or one.get("head", _OWN) != _OWN for one in trained]
    return any(is_refitted) or not keeps_head(config["model"])


_OWN = "descriptor"  # as the `head` of a method on pairs: none that is dropped after training
_READY = _Beside("model.weights", [READY], _makes_head)
_BY_ROUNDS = [name for name, method in METHODS.items() if method.has_rounds]
_ON_PAIRS = [name for name, method in METHODS.items() if method.learns_from_pairs]
_ON_FRESH = [name for name, method in METHODS.items() if method.makes_own_copies]
_FRESH = _Beside("train.method", _ON_FRESH)
_IDLE = {
    "copies.per_image": _FRESH,
    "copies.quality": _FRESH,
    "edits.curriculum": _FRESH._replace(
        refusal="to {method}, whose copies are of no round; leave it empty, and change "
        "edits.training"
    ),
    "model.whitening": _READY,
    "model.head_images": _READY,
    **{
        f"train.{name}.teacher_temperature": _Beside(f"train.{name}.soft_targets", [0])
        for name in _BY_ROUNDS
    },
    **{
        f"train.{name}.{key}": _Beside(
            f"train.{name}.validation_images", [0], refusal="at validation_images 0; raise these"
        )
        for name in _ON_FRESH
        for key in ("validate_every", "patience")
    },
    **{
        f"train.{name}.refit_head": _Beside(f"train.{name}.head", ["mlp", "mlp_bn", "none"])
        for name in _ON_PAIRS
    },
    "describe.gist_size": _Beside("describe.gist", [0]),
    "describe.gist_whitening": _Beside("describe.gist_size", [0]),
    "describe.subtract_nearest": _Beside("describe.subtract", [0]),
    "describe.temperature": _Beside(
        "score.rankings", [[name] for name, one in RANKINGS.items() if not one.needs_bank]
    ),
}


def refuse_idle(config: Config) -> None:
    """Refuse keys that ask for something which the rest of a config, that of a run, leaves out.

    Args:
        config: a complete one. What it says of methods other than its own is of other runs.

    Raises:
        UserError: there is such a key, with another value than its default.
    """
    method = config["train"]["method"]
    others = tuple(f"train.{name}." for name in METHODS if name != method)
    for key, beside in _IDLE.items():
        if not beside.refusal or key.startswith(others):
            continue
        if _silent_beside(key, config) and _at(key, config) != _default(key, config):
            raise UserError(f"config: {key}: says nothing {beside.refusal.format(method=method)}")


def refuse_alike(ablation: str, runs: Mapping[str, Config]) -> None:
    """Refuse an ablation two of whose settings differ only in what says nothing beside the rest.

    In a config such a key may stand, and such an ablation that is not asked for: a file laid over
    it may have made it idle.

    Args:
        ablation: its name.
        runs: the config that each label makes.

    Raises:
        UserError: there are such two.
    """
    found: dict[str, tuple[str, Config]] = {}
    for label, config in runs.items():
        idle = {key: other for key in _IDLE if (other := _silent_beside(key, config))}
        rest = json.dumps(dict(_without(config, {*idle, "study"})), sort_keys=True)
        first, like = found.setdefault(rest, (label, config))
        for key, other in idle.items():
            if _at(key, config) != _at(key, like):
                what = f"{key} says nothing at {other} {_at(other, config)}, so that {first} and"
                where = f"config: study.ablations.{ablation}"
                raise UserError(f"{where}: {what} {label} would be alike; change {other}")


def _silent_beside(key: str, config: Config) -> str:
    """Return the key beside which one says nothing in a config; "" where it says something."""
    other, values, unless, _ = _IDLE[key]
    if other in _IDLE and (further := _silent_beside(other, config)):
        return further
    return other if _at(other, config) in values and not unless(config) else ""


def _default(key: str, config: Config) -> Any:
    """Return what a key of a config would be, were it not said there."""
    rest = dict(_without(config, [key]))
    WholeConfig.fill_defaults(rest)
    return _at(key, rest)


def _at(key: str, config: Any) -> Any:
    for name in key.split("."):
        config = config[name]
    return config


def _without(config: Config, keys: Collection[str], section: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is in a config, or in a section of it, but for some dotted keys."""
    for name, value in config.items():
        if (key := section + name) not in keys:
            inside = isinstance(value, dict)
            yield name, dict(_without(value, keys, f"{key}.")) if inside else value
