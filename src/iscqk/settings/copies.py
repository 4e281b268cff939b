"""`copies`: the training copies of a round."""

from dataclasses import dataclass

from iscqk.schema.section import Count, Quality, Section, Side, key


@dataclass(frozen=True, kw_only=True)
class Copies(Section):
    """What side q learns from: every training image edited anew in every round."""

    per_image: Count = key(1, "of each training image")
    side: Side = key(160, "longest side in pixels")
    quality: Quality = key(90, "of the JPEG")
