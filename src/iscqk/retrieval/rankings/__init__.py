"""The rankings, each a module of this folder under the name that the config has for it.

A module declares RANKING. What needs torch it imports when it is called, so that what only asks
which rankings there are need not wait for it.
"""

from importlib import import_module
from pkgutil import iter_modules

from iscqk.retrieval.ranking import Ranking

RANKINGS: dict[str, Ranking] = {
    found.name: import_module(f"{__name__}.{found.name}").RANKING
    for found in iter_modules(__path__)
}
