"""Q/K: QK Iteration, two sides that learn against each other's bank by turns."""

from dataclasses import dataclass
from typing import Literal

from iscqk.learning.method_interface import LearningOnBank, Method
from iscqk.schema.kinds import Count
from iscqk.schema.section import key


@dataclass(frozen=True, kw_only=True)
class Settings(LearningOnBank):
    """Q/K's settings. What the abstract of arXiv:2111.07954 leaves open is one of them."""

    negatives: Literal["all"] | Count = key(
        "all", "of the bank, in every step; or a number of random ones"
    )


METHOD = Method(
    card="Two encoders of images, trained by alternating Q/K contrastive learning (QK Iteration,\n"
    "arXiv:2111.07954): one describes edited copies, the other originals.",
    learns_from="bank",
    settings=Settings,
    comment="QK Iteration, arXiv:2111.07954",
    objective="iscqk.methods.qk.objective:FrozenBank",
)
