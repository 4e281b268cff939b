"""The rankings, each a folder of this one under the name that the config has for it.

It declares RANKING. Its functions lie in another module beside that, so that what only asks which
rankings there are need not wait for numpy or torch.
"""

from iscqk.retrieval.ranking_interface import Ranking
from iscqk.schema.registry import Registry

RANKINGS: Registry[Ranking] = Registry("ranking", __name__, __path__, "RANKING")


def modules(name: str) -> list[str]:
    """Return the names of the modules that a ranking is made of, which nothing else imports."""
    return [f"{__name__}.{name}", RANKINGS[name].functions]
