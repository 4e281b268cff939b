"""Q/K with one network: it learns from fresh copies against the exact bank of its own snapshot."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.learning.method_interface import LearningOnFreshCopies, Method
from iscqk.schema.kinds import Count, Temperature, within
from iscqk.schema.section import key


@dataclass(frozen=True, kw_only=True)
class Settings(LearningOnFreshCopies):
    """The settings of Q/K with one network."""

    temperature: Temperature = key(0.05, "of the softmax over the bank")
    renew_every: Count = key(
        30000, "images, after which the network as it is then describes the bank anew"
    )
    koleo: Annotated[float, within(0)] = key(
        0, "weight of the distance to the nearest other row of the bank, SSCD's entropy"
    )
    keep_of_start: Annotated[float, within(0, 1)] = key(
        0, "share of the start's weights in those that are kept in the end, as WiSE-FT has it"
    )


METHOD = Method(
    card="One encoder of images, trained on copies that were made while it learned, against the\n"
    "exact bank of its own snapshot (QK Iteration, arXiv:2111.07954, with one network).",
    learns_from="fresh",
    settings=Settings,
    comment="Q/K with one network, which plays both sides; copies are made while it learns",
    objective="iscqk.methods.solo.objective:OwnBank",
)
