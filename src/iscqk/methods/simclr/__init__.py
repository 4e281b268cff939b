"""SimCLR: in-batch negatives."""

from dataclasses import dataclass

from iscqk.learning.method_interface import LearningOnPairs, Method
from iscqk.schema.kinds import Count, Temperature
from iscqk.schema.section import key


@dataclass(frozen=True, kw_only=True)
class Settings(LearningOnPairs):
    """SimCLR's settings."""

    batch_size: Count = key(64, "pairs, two images each")
    temperature: Temperature = key(0.05, "of the softmax over the batch")


METHOD = Method(
    card="An encoder of images, trained by in-batch contrast (SimCLR, arXiv:2002.05709).",
    learns_from="pairs",
    settings=Settings,
    comment="arXiv:2002.05709; in-batch negatives",
    objective="iscqk.methods.simclr.objective:InBatch",
    views=2,
    smallest_batch=2,  # of one pair there is no negative
)
