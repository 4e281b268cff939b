"""`unbalanced`: learning from classes of unequal size."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.methods import METHODS
from iscqk.schema.kinds import Count, FilePath, Limits, Seeds
from iscqk.schema.section import Section, key

_ON_PAIRS = [name for name, method in METHODS.items() if method.learns_from_pairs]
_Methods = Annotated[
    tuple[Annotated[str, Limits(enum=_ON_PAIRS)], ...], Limits(minItems=1, uniqueItems=True)
]


@dataclass(frozen=True, kw_only=True)
class Unbalanced(Section):
    """What `snakemake unbalanced` compares: folders of classes."""

    training: FilePath = key("../shared/unbalanced/training", "a folder for each class")
    evaluation: FilePath = key("../shared/unbalanced/evaluation", "likewise")
    methods: _Methods = key(("moco", "isd"), "to compare")
    seeds: Seeds = key((0, 1, 2), "of training")
    rare: Count = key(100, "a class of at most so many training images is rare")
