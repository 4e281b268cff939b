"""Names of runs and within one: models, what they make of images, the shards that files come in."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from iscqk.errors import UserError

SIDES = ("q", "k")
_NAME = re.compile(r"(initial)|(warm-up)|learned-(\d+)|round(\d+)-([qk])")
_ORIENTATIONS, _TRIMMED = "orientations", "trimmed"


def runs_pattern(runs: Iterable[str]) -> str:
    """Return the regular expression of the names of some runs, each of which ends in its seed.

    Of runs that differ in nothing but the seed it does not say the rest again for each: Snakemake
    reads it in every rule and tries it on every file, and of 600 runs that took seconds.
    """
    seeds: dict[str, list[str]] = {}
    for name in runs:
        stem, _, seed = name.rpartition("-")
        seeds.setdefault(stem, []).append(seed)
    stems: dict[tuple[str, ...], list[str]] = {}
    for stem, found in seeds.items():
        stems.setdefault(tuple(found), []).append(stem)
    parts = (f"{_one_of(some)}-{_one_of(found)}" for found, some in stems.items())
    return "|".join(parts) or "none"


def _one_of(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, words))})"


@dataclass(frozen=True, order=True)
class ModelName:
    """A model along the training of a run; models sort as they are made.

    Attributes:
        stage: 0 the start, 1 after the warm-up, 2 after a part of a training.
        number: of the round, or of the part of a training of one encoder for both sides; from 1.
        side: that this half of a round has trained, as its place in `SIDES`; -1 where both are one.
    """

    stage: int
    number: int = 0
    side: int = -1

    @classmethod
    def parse(cls, text: str) -> "ModelName":
        """Return the name that a text spells.

        Raises:
            UserError: it spells none.
        """
        found = _NAME.fullmatch(text)
        if not found:
            raise UserError(f"{text!r} names no model; models are called as {INITIAL}, round1-k")
        initial, warm_up, part, number, side = found.groups()
        if initial or warm_up:
            return INITIAL if initial else WARM_UP
        return half_round(int(number), side) if side else learned(int(part))

    @staticmethod
    def pattern() -> str:
        """Return the regular expression of all names."""
        return _NAME.pattern.replace("(", "(?:")

    @property
    def trains_one(self) -> bool:
        """Whether one encoder was trained for both sides, in equal parts."""
        return self.stage == 2 and self.side < 0

    @property
    def is_half_round(self) -> bool:
        """Whether Q/K trained one side against the bank of the other."""
        return self.side >= 0

    @property
    def trained(self) -> str:
        """The side that was trained last: `q` or `k`, or "" where both are one."""
        return SIDES[self.side] if self.is_half_round else ""

    def __str__(self) -> str:
        if self.is_half_round:
            return f"round{self.number}-{self.trained}"
        return f"learned-{self.number}" if self.trains_one else ("initial", "warm-up")[self.stage]


INITIAL, WARM_UP = ModelName(0), ModelName(1)


def leading_to(last: ModelName, names: Iterable[ModelName]) -> list[ModelName]:
    """Return, in order, those models whose trainings led to the last one, itself among them.

    A part of the training of one encoder has in its own history what was before it.
    """
    if last.trains_one:
        return [last]
    return sorted(name for name in names if INITIAL < name <= last and not name.trains_one)


def learned(part: int) -> ModelName:
    """Return the name of an encoder after a part of its training."""
    return ModelName(2, part)


def half_round(number: int, side: str) -> ModelName:
    """Return the name of the model whose side `q` or `k` round `number` has trained."""
    return ModelName(2, number, SIDES.index(side))


class Shard(NamedTuple):
    """A part of a set of images, `0-of-4`: its number, from 0, and how many there are."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Return the shard that a text spells."""
        number, of = text.split("-of-")
        return cls(int(number), int(of))

    @staticmethod
    def pattern() -> str:
        """Return the regular expression of all shards."""
        return r"\d+-of-\d+"

    @property
    def options(self) -> str:
        """The options that make a stage take this part."""
        return f"--shard {self.number} --shards {self.of}"

    def among(self, files: int) -> tuple[range, "Shard"]:
        """Return which of so many files it is made of, and which part of all that is in these.

        Several files whole, or a part of one: no other is needed to make it.
        """
        first = self.number * files // self.of
        if files < self.of:
            sharing = [n for n in range(self.of) if n * files // self.of == first]
            return range(first, first + 1), Shard(self.number - sharing[0], len(sharing))
        return range(first, (self.number + 1) * files // self.of), Shard(0, 1)

    def __str__(self) -> str:
        return f"{self.number}-of-{self.of}"


def all_shards(count: int) -> list[Shard]:
    """Return all shards of a set that is split in so many."""
    return [Shard(number, count) for number in range(count)]


def files_of_shards(pattern: str, count: int) -> list[str]:
    """Return the files of a pattern with `{shard}`, of a set that is split in so many."""
    return [pattern.format(shard=shard) for shard in all_shards(count)]


class Content(NamedTuple):
    """What a file holds of each image: `descriptors-64-96-orientations8-trimmed`, or `features`.

    Attributes:
        kind: `descriptors`, or the `features` that the head makes them of.
        sizes: sides in pixels that are averaged; none: the network's own.
        orientations: that are averaged: 1, 2, 4 or 8.
        trimmed: whether images with plain margins are averaged with the same without them.
    """

    kind: str = "descriptors"
    sizes: tuple[int, ...] = ()
    orientations: int = 1
    trimmed: bool = False

    @classmethod
    def of(cls, describe: Mapping[str, Any]) -> "Content":
        """Return a model's descriptors by the `describe` section."""
        orientations, trimmed = describe["orientations"], describe["trimmed"]
        return cls(sizes=(*describe["sizes"],), orientations=orientations, trimmed=trimmed)

    @classmethod
    def parse(cls, text: str) -> "Content":
        """Return the content that a text spells."""
        kind, *ways = text.split("-")
        sizes = tuple(int(way) for way in ways if way.isdigit())
        turned = [way.removeprefix(_ORIENTATIONS) for way in ways if way.startswith(_ORIENTATIONS)]
        return cls(kind, sizes, int(turned[0]) if turned else 1, _TRIMMED in ways)

    @staticmethod
    def pattern() -> str:
        """Return the regular expression of all contents."""
        return rf"descriptors(-\d+)*(-{_ORIENTATIONS}[248])?(-{_TRIMMED})?|features"

    @property
    def seen(self) -> str:
        """How images are seen beside once as they are: `64-96-orientations8-trimmed`, or ""."""
        turned = [f"{_ORIENTATIONS}{self.orientations}"] if self.orientations > 1 else []
        return "-".join([*map(str, self.sizes), *turned, *([_TRIMMED] if self.trimmed else [])])

    @property
    def options(self) -> str:
        """The options that make `iscqk embed` write it."""
        options = ["--features"] if self.kind == "features" else []
        options += ["--sizes", *map(str, self.sizes)] if self.sizes else []
        options += ["--orientations", str(self.orientations)] if self.orientations > 1 else []
        return " ".join([*options, *(["--trimmed"] if self.trimmed else [])])

    def __str__(self) -> str:
        return "-".join(filter(None, [self.kind, self.seen]))
