"""The rankings, each a folder of this one under the name that the config has for it.

It declares RANKING. Its functions lie in another module beside that, so that what only asks which
rankings there are need not wait for numpy or torch.
"""

from importlib import import_module
from pkgutil import iter_modules

from iscqk.retrieval.ranking_interface import Ranking

RANKINGS: dict[str, Ranking] = {
    found.name: import_module(f"{__name__}.{found.name}").RANKING
    for found in iter_modules(__path__)
}


def modules(name: str) -> list[str]:
    """Return the names of the modules that a ranking is made of, which nothing else imports."""
    return [f"{__name__}.{name}", RANKINGS[name].functions]
