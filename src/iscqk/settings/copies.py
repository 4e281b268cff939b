"""`copies`: what training copies are like."""

from dataclasses import dataclass

from iscqk.schema.kinds import Count, Quality, Side
from iscqk.schema.section import Section, key


@dataclass(frozen=True, kw_only=True)
class Copies(Section):
    """Training images edited, for a round, or by solo while it learns."""

    per_image: Count = key(1, "of each training image in a round; solo's are of no round")
    side: Side = key(160, "longest side in pixels")
    quality: Quality = key(90, "of the JPEG that is kept; solo keeps none")
