"""The learning methods, each a module of this folder under the name that the config has for it.

A module declares METHOD. What needs torch lies in another module, so that what only asks which
methods there are need not wait for it: within a method's folder, or beside it by a name that begins
with _.
"""

from collections.abc import Mapping
from typing import Any

from iscqk.learning.method_interface import Method
from iscqk.schema.registry import Registry

METHODS: Registry[Method] = Registry("method", __name__, __path__, "METHOD")


def made_by(config: Mapping[str, Any]) -> str:
    """Return the method that made a run's weights, "" where none did: there was no round."""
    name = str(config["train"]["method"])
    return "" if METHODS[name].learns and not config["train"]["rounds"] else name


def own_section(train: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `train` says of its own method: nothing, if that has no settings."""
    return dict(train.get(train["method"], {}))


def modules(name: str) -> list[str]:
    """Return the full names of the modules that a method is made of, which nothing else imports."""
    return [f"{__name__}.{name}", *filter(None, [METHODS[name].objective.split(":")[0]])]
