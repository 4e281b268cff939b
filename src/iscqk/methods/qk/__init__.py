"""Q/K: QK Iteration, two sides that learn against each other's bank by turns."""

from dataclasses import dataclass
from typing import Annotated, Literal

from iscqk.learning.method_interface import Learning, Method
from iscqk.schema.section import Count, FilePath, Fraction, Positive, key, within


@dataclass(frozen=True, kw_only=True)
class Settings(Learning):
    """Q/K's settings. What the abstract of arXiv:2111.07954 leaves open is one of them."""

    warm_up_images: Annotated[int, within(0)] = key(
        0, "seen by SimCLR before round 1, for random weights; 0: none"
    )
    temperature: Positive = key(0.05, "of the softmax over the bank")
    learn_temperature: bool = key(False, "whether it is learned, from that value on")
    bank_views: Count = key(1, "copies of an image that its row in the bank of side q averages")
    negatives: Literal["all"] | Count = key(
        "all", "of the bank, in every step; or a number of random ones"
    )
    soft_targets: Fraction = key(
        0, "share of the target that is the frozen side's own softmax over the bank"
    )
    teacher_temperature: Positive = key(0.1, "of that softmax")
    teacher: None | FilePath = key(
        None, "descriptors of the training images by another model, whose softmax it then is"
    )
    live_head: bool = key(
        False, "whether the frozen side's head keeps learning (its backbone never does)"
    )
    bank_precision: Literal["fp32", "bf16"] = key("fp32", "or bf16: half the memory")
    near_duplicates: None | FilePath = key(
        None, "CSV of training images that are no negatives of each other"
    )
    accumulate: Count = key(
        1, "parts of a batch that the backbone takes one after the other, to save memory"
    )
    sides: Literal["one", "two"] = key(
        "two", "Q and K each a network of its own; or one for both, alternating with itself"
    )


METHOD = Method(
    card="Two encoders of images, trained by alternating Q/K contrastive learning (QK Iteration,\n"
    "arXiv:2111.07954): one describes edited copies, the other originals.",
    learns_from="bank",
    settings=Settings,
    comment="QK Iteration, arXiv:2111.07954",
    objective="iscqk.methods.qk.objective:FrozenBank",
)
