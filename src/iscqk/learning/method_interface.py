"""What a learning method says of itself; `iscqk.methods` finds them all. It needs no torch."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from pkgutil import resolve_name
from typing import Annotated, Any, Literal

from iscqk.errors import UserError
from iscqk.schema.kinds import Count, FilePath, Fraction, Positive, Temperature, within
from iscqk.schema.section import Section, key

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


@dataclass(frozen=True, kw_only=True)
class LearningOnBank(Learning):
    """The settings of a method that trains one side against a bank of the other, by turns."""

    warm_up_images: Annotated[int, within(0)] = key(
        0, "seen by SimCLR before round 1, for random weights; 0: none"
    )
    temperature: Temperature = key(0.05, "of the softmax over the bank")
    learn_temperature: bool = key(
        False, "whether it is learned, from that value on; describe.temperature stays as it is"
    )
    bank_views: Count = key(1, "copies of an image that its row in the bank of side q averages")
    live_head: bool = key(
        False, "whether the frozen side's head keeps learning (its backbone never does)"
    )
    bank_precision: Literal["fp32", "bf16"] = key("fp32", "or bf16: half the memory")
    soft_targets: Fraction = key(
        0, "share of the target that is the frozen side's own softmax over the bank"
    )
    teacher_temperature: Temperature = key(0.1, "of that softmax")
    teacher: None | FilePath = key(
        None, "another model whose softmax it then is: its network, or descriptors of the images"
    )
    near_duplicates: None | FilePath = key(
        None, "CSV of training images that are no negatives of each other"
    )
    accumulate: Count = key(
        1, "parts of a batch that the backbone takes one after the other, to save memory"
    )
    sides: Literal["one", "two"] = key(
        "two", "Q and K each a network of its own; or one for both, alternating with itself"
    )


GIVEN_FILES = ("near_duplicates", "teacher")  # those of these keys that name the user's files


@dataclass(frozen=True, kw_only=True)
class LearningOnFreshCopies(Learning):
    """The settings of a method that trains one encoder on copies that are made meanwhile."""

    validation_images: Annotated[int, within(0)] = key(
        0, "training images that are not learned from; copies of them are looked for meanwhile"
    )
    validate_every: Count = key(20000, "images, after which that is done, by micro-AP")
    patience: Annotated[int, within(0)] = key(
        0, "times without a better one after which the training ends; 0: to its end"
    )


# What a training reads of its method's settings, by what it learns from.
_READ: dict[str, type[Learning] | None] = {
    "bank": LearningOnBank,
    "pairs": LearningOnPairs,
    "fresh": LearningOnFreshCopies,
    "nothing": None,
}


@dataclass(frozen=True)
class Method:
    """A learning method.

    Attributes:
        card: the sentence of the model card on it.
        learns_from: `bank`, one side against the frozen other, by turns; `pairs`, one encoder for
            both sides; `fresh`, likewise, from copies that are made while it learns; or `nothing`,
            which trains nothing.
        settings: the section of `train` under its name, if it has any: of a method that learns, a
            class derived from `LearningOnBank`, `LearningOnPairs` or `LearningOnFreshCopies`.
        comment: on that section.
        objective: `module:class`, which is imported for training only. On pairs it is made of the
            encoder and the settings; on a bank of an `iscqk.learning.frozen_side.FrozenSide` and
            the settings; see `iscqk.methods.solo.objective` for fresh copies.
        views: images of an item that the gradient goes through; the budget counts each of them.
        smallest_batch: items that it must see at once, as its loss or its norms are of several.
            The class of the objective says neither.
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

    def __post_init__(self) -> None:
        """Refuse what no training can be made of.

        Raises:
            UserError: it learns from something else, its settings lack what is read of them, or are
                no dataclass.
        """
        name = self.objective or self.card
        if self.learns_from not in _READ:
            known = ", ".join(_READ)
            raise UserError(f"{name}: learns_from: {self.learns_from}; it must be one of {known}")
        read = _READ[self.learns_from]
        if read and not issubclass(self.settings or object, read):
            what = f"a method that learns from {self.learns_from}"
            raise UserError(f"{name}: settings: of {what} they derive from {read.__name__}")
        for cls in self.settings.__mro__ if self.settings else ():
            if any(isinstance(value, Field) for value in vars(cls).values()):  # of key(...)
                what = f"{cls.__qualname__}: put @dataclass(frozen=True, kw_only=True) before it"
                raise UserError(f"{name}: settings: {what}")

    @property
    def learns(self) -> bool:
        """Whether it trains anything."""
        return self.learns_from != "nothing"

    @property
    def has_rounds(self) -> bool:
        """Whether two sides learn by turns, each from the bank of the other."""
        return self.learns_from == "bank"

    @property
    def learns_from_pairs(self) -> bool:
        """Whether one encoder for both sides learns from pairs of images that are made ahead."""
        return self.learns_from == "pairs"

    @property
    def makes_own_copies(self) -> bool:
        """Whether its copies are made while it learns, for no round and in no files."""
        return self.learns_from == "fresh"

    @property
    def trains_one(self) -> bool:
        """Whether it trains one encoder for both sides, without rounds."""
        return self.learns_from_pairs or self.makes_own_copies

    def load_objective(self) -> Any:
        """Return the class of what is minimised.

        Raises:
            UserError: there is none by that name, or it says of itself what the method denies.
        """
        try:
            found = resolve_name(self.objective)
        except (ImportError, AttributeError, ValueError) as error:
            raise UserError(
                f"{self.objective or self.card}: no loss to be imported ({error}); mend the "
                "method's objective, module:class"
            ) from None
        for name in ("views", "smallest_batch"):  # which count as the method has them
            if getattr(found, name, said := getattr(self, name)) != said:
                what = f"{name} {getattr(found, name)}, and METHOD {said}"
                raise UserError(f"{self.objective}: says {what}; say it in METHOD alone")
        return found
