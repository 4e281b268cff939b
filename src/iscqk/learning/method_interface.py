"""What a learning method says of itself; `iscqk.methods` finds them all. It needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any, Literal

from iscqk.schema.section import Count, Positive, Section, key

Head = Literal["descriptor", "mlp", "mlp_bn", "none"]
HEAD = "where the loss looks: descriptor, mlp (MoCo v2's), mlp_bn, none (features)"


@dataclass(frozen=True, kw_only=True)
class Learning(Section):
    """The settings that every method has which learns by SGD."""

    batch_size: Count = key(64, "images")
    learning_rate: Positive = key(0.0003, "of the backbone")
    head_learning_rate: Positive = key(0.001, "of the head")
    batch_norm: Literal["frozen", "batch"] = key(
        "frozen",
        "at the start's statistics, as the bank has them; or batch, those of each batch",
    )


@dataclass(frozen=True, kw_only=True)
class LearningOnPairs(Learning):
    """The settings of a method that trains one encoder for both sides on pairs of images."""

    batch_size: Count = key(64, "pairs")
    partner: Literal["original", "copy"] = key(
        "original", "what a copy is paired with; or copy, another one of the same image"
    )
    head: Head = key("descriptor", HEAD)
    refit_head: bool = key(
        False, "whether the PCA replaces the trained head; always so but for descriptor"
    )


@dataclass(frozen=True)
class Method:
    """A learning method.

    Attributes:
        card: the sentence of the model card on it.
        learns_from: `bank`, one side against the frozen other, by turns; `pairs`, one encoder for
            both sides; `fresh`, likewise, from copies that are made while it learns; or `nothing`,
            which trains nothing.
        settings: the section of `train` under its name, if it has any.
        comment: on that section.
        objective: `module:class`, which is imported for training only. On pairs it is made of the
            encoder and the settings; see `iscqk.methods.qk.objective` for a bank and
            `iscqk.methods.solo.objective` for fresh copies.
        views: images of an item that the gradient goes through, as the objective has it.
        smallest_batch: items that it must see at once, as its loss or its norms are of several.
        changes: what a run by this method changes of the config, by dotted keys.
    """

    card: str
    learns_from: Literal["bank", "pairs", "fresh", "nothing"]
    settings: type[Learning] | None = None
    comment: str = ""
    objective: str = ""
    views: int = 1
    smallest_batch: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def learns(self) -> bool:
        """Whether it trains anything."""
        return self.learns_from != "nothing"

    def load_objective(self) -> Any:
        """Return the class of what is minimised."""
        return resolve_name(self.objective)
