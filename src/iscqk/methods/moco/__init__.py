"""MoCo v2: a momentum encoder and a queue of negatives."""

from dataclasses import dataclass

from iscqk.learning.method_interface import Head, LearningOnPairs, Method
from iscqk.schema.kinds import Count, Fraction, Temperature
from iscqk.schema.section import key


@dataclass(frozen=True, kw_only=True)
class Settings(LearningOnPairs):
    """MoCo's settings."""

    temperature: Temperature = key(0.05, "published: 0.2")
    head: Head = key("descriptor", "published: mlp")
    queue: Count = key(
        2048,
        "published: 65536, of 1.3 million images; shorter where they are few, or it often "
        "holds a key of the query's own image, as a negative",
    )
    momentum: Fraction = key(0.99, "published: 0.999, over a hundred times as many steps")


METHOD = Method(
    card="An encoder of images, trained by momentum contrast (MoCo v2, arXiv:2003.04297).",
    learns_from="pairs",
    settings=Settings,
    comment="v2, arXiv:2003.04297; momentum encoder and queue",
    objective="iscqk.methods.moco.objective:MomentumContrast",
)
