"""`queries`: how queries are made."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.section import Fraction, Quality, Section, Side, key, within


@dataclass(frozen=True, kw_only=True)
class Queries(Section):
    """How queries are made, for a phase that has none of its own."""

    count: Annotated[int, within(1, 50_000)] = key(800, "a phase")
    copies: Fraction = key(0.5, "fraction that copies a reference; the rest are distractors")
    side: Side = key(512, "longest side in pixels")
    quality: Quality = key(90, "of the JPEG")
