"""`validation`: query sets whose edits are not those of the training."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.kinds import Quality, Side, within
from iscqk.schema.section import Section, key


@dataclass(frozen=True, kw_only=True)
class Validation(Section):
    """How large the sets of `snakemake validation` are, and how its queries are made."""

    references: Annotated[int, within(2, 1_000_000)] = key(
        2000, "to search; all where there are fewer"
    )
    copies: Annotated[int, within(1, 25_000)] = key(350, "of references, a phase")
    distractors: Annotated[int, within(0, 25_000)] = key(
        250, "queries a phase that copy none, made of others"
    )
    side: Side = key(256, "longest side in pixels")
    quality: Quality = key(85, "of the JPEG")
