"""`edits`: what copies and queries are edited with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.kinds import Count, Fraction, Limits, Name, Positive, within
from iscqk.schema.section import Section, key, needed, optional

_Names = Annotated[tuple[Name, ...], Limits("names", minItems=1, uniqueItems=True)]
_Strength = Annotated[tuple[Fraction, Fraction], Limits("strength")]
_Length = Annotated[tuple[Count, Count], Limits("length")]


@dataclass(frozen=True, kw_only=True)
class Pool(Section):
    """Edits to choose from, and how many and how strong they are in a chain."""

    names: _Names = needed("edits to choose from, AugLy's and others")
    required: Annotated[tuple[Name, ...], Limits(uniqueItems=True)] = optional(
        "at least one of these in every chain", absent=()
    )
    strength: _Strength = needed("lowest and highest, 0 to 1")
    length: _Length = needed("fewest and most edits of a chain")
    weights: Mapping[str, Positive] = optional(
        "how often edits of `names` are drawn beside the others, which weigh 1: {hflip: 4}",
        absent={},
    )


_Pool = Annotated[Pool, Limits("pool")]


@dataclass(frozen=True, kw_only=True)
class Change(Section):
    """What changes of the training edits from a round on."""

    round: Annotated[int, within(0)] = needed()
    names: _Names | None = optional()
    strength: _Strength | None = optional()
    length: _Length | None = optional()


@dataclass(frozen=True, kw_only=True)
class Edits(Section):
    """Chains of edits, AugLy's and others; strength 0 is barely visible, 1 severe."""

    training: _Pool = needed()
    curriculum: tuple[Change, ...] = key(
        (), "what changes of `training` from a round on: [{round: 1, strength: [0.4, 0.8]}]"
    )
    phase1: _Pool = needed()
    phase2: _Pool = needed("stronger edits, and some that this training does not see")
