"""Q/K: QK Iteration, two sides that learn against each other's bank by turns."""

from dataclasses import dataclass
from typing import Literal

from iscqk.learning.method_interface import LearningOnBank, Method
from iscqk.schema.section import Count, FilePath, Fraction, Positive, key


@dataclass(frozen=True, kw_only=True)
class Settings(LearningOnBank):
    """Q/K's settings. What the abstract of arXiv:2111.07954 leaves open is one of them."""

    negatives: Literal["all"] | Count = key(
        "all", "of the bank, in every step; or a number of random ones"
    )
    soft_targets: Fraction = key(
        0, "share of the target that is the frozen side's own softmax over the bank"
    )
    teacher_temperature: Positive = key(0.1, "of that softmax")
    teacher: None | FilePath = key(
        None, "another model whose softmax it then is: its network, or descriptors of the images"
    )
    near_duplicates: None | FilePath = key(
        None, "CSV of training images that are no negatives of each other"
    )
    accumulate: Count = key(
        1, "parts of a batch that the backbone takes one after the other, to save memory"
    )


METHOD = Method(
    card="Two encoders of images, trained by alternating Q/K contrastive learning (QK Iteration,\n"
    "arXiv:2111.07954): one describes edited copies, the other originals.",
    learns_from="bank",
    settings=Settings,
    comment="QK Iteration, arXiv:2111.07954",
    objective="iscqk.methods.qk.objective:FrozenBank",
)
