"""`rehearsal`: a phase of the challenge's size, made up."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.kinds import Count, within
from iscqk.schema.section import Section, key


@dataclass(frozen=True, kw_only=True)
class Slice(Section):
    """What the search is timed on beside baselines."""

    queries: Count = key(5000, "of the baselines' part")
    references: Count = key(500000, "of the baselines' part")


@dataclass(frozen=True, kw_only=True)
class Rehearsal(Section):
    """How large the phase is that `snakemake rehearsal` makes up."""

    queries: Annotated[int, within(10, 50_000)] = key(50000, "made up")
    references: Annotated[int, within(10, 1_000_000)] = key(1000000, "made up")
    slice: Slice = key(
        Slice(),
        "a twentieth of all pairs, of which the search is timed beside faiss's",
    )
    repeats: Count = key(3, "of which the median counts")
