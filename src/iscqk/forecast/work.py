"""How much work a job is, by its rule, the config and how many images there are.

What its time is proportional to is its load: operations of the network, pixels of copies, pairs of
descriptors, or just images or rows.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from iscqk.datasets import SOURCES
from iscqk.forecast.counts import Counts
from iscqk.formats.phases import PHASES
from iscqk.methods import METHODS, own_section
from iscqk.plan.dependence import budget
from iscqk.plan.names import Content, Shard
from iscqk.plan.runs import is_gist_run
from iscqk.retrieval.rankings import RANKINGS

_GIST = "embed by GIST"
_GRADIENT = 3  # passes through the network, one forward and about two backward
_WITH_MARGINS = 0.2  # share of images that are seen without them, too: so many of photographs
Wildcards = Mapping[str, str]


class Work(NamedTuple):
    """A job as work.

    Attributes:
        stage: jobs of one stage take seconds in proportion to their load.
        amount: of it, in `unit`.
        unit: in plain words.
        load: what time is proportional to.
        by_network: whether the load is operations of the network, which a GPU takes over; the
            amount is the images that are read for it.
    """

    stage: str
    amount: float
    unit: str
    load: float
    by_network: bool = False


class Workload:
    """The work of the jobs of a run."""

    def __init__(self, config: Mapping[str, Any], counts: Counts, operations: float) -> None:
        """Take a run.

        Args:
            config: of the run, defaults filled in.
            counts: its images.
            operations: floating-point operations of its network on one image.
        """
        self._config, self._counts, self._operations = config, counts, operations
        self._by_rule: dict[str, Callable[[Wildcards], Work]] = {
            "prepare": lambda _: self._plain("prepare", counts.training + counts.references),
            "queries": self._queries,
            "copies": self._copies,
            "initial": self._initial,
            "warm_up": lambda _: self._training("warm_up", self._own["warm_up_images"], 0),
            "learn": self._learn,
            "train": self._train,
            "embed": self._embed,
            "embed_teacher": self._embed_teacher,
            "whiten": lambda _: self._plain("whiten", counts.training, "rows"),
            "refine": self._refine,
            "merge": self._merge,
            "search": lambda wildcards: self._search(_share(wildcards)),
            "score_half": lambda _: self._search(Fraction(1, 2)),
            "combine": lambda _: self._plain("combine", self._pairs_kept, "pairs"),
            "score": lambda _: self._plain("score", self._pairs_kept, "pairs"),
            "validate": lambda _: self._plain("validate", self._rows, "rows"),
            "submit": lambda _: self._plain("submit", self._rows, "rows"),
        }

    def of(self, rule: str, wildcards: Wildcards) -> Work | None:
        """Return the work of a job; None if it is no job of a submission."""
        return self._by_rule[rule](wildcards) if rule in self._by_rule else None

    def bank_operations(self, rows: int) -> float:
        """Return the operations of the loss over a bank of so many rows for one image.

        Two products of a query with all rows, one for the softmax and one for its gradient.
        """
        negatives = self._own.get("negatives", "all")
        rows = rows if negatives == "all" else min(rows, negatives)
        return float(4 * rows * self._config["model"]["descriptor_size"])

    def image_operations(self) -> float:
        """Return the operations of the network for one image that is learned from."""
        return _GRADIENT * self._operations

    @property
    def _own(self) -> Mapping[str, Any]:
        return own_section(self._config["train"])

    @property
    def _rows(self) -> int:
        return self._counts.queries + self._counts.references

    @property
    def _pairs_kept(self) -> int:
        pairs = self._counts.queries * self._counts.references
        return min(pairs, int(self._config["search"]["max_results"]))

    def _images(self, name: str) -> int:
        """Return how many images are described of a split, a phase or a round's copies."""
        if name.startswith("copies"):
            return self._counts.training * int(self._own["bank_views"])
        return self._counts.queries if name in PHASES else int(getattr(self._counts, name))

    def _plain(self, stage: str, amount: float, unit: str = "images") -> Work:
        return Work(stage, amount, unit, amount)

    def _network(self, stage: str, images: float, passes: float = 1) -> Work:
        return Work(stage, images, "images", images * passes * self._operations, by_network=True)

    def _training(self, stage: str, images: float, bank: float) -> Work:
        load = images * (self.image_operations() + bank)
        return Work(stage, images, "images", load, by_network=True)

    def _learn(self, _: Wildcards) -> Work:
        has_bank = METHODS[self._config["train"]["method"]].makes_own_copies  # of its snapshot
        bank = self.bank_operations(self._counts.training) if has_bank else 0
        return self._training("learn", budget(dict(self._config)), bank)

    def _train(self, _: Wildcards) -> Work:
        images = self._config["train"]["images_per_half_round"]
        bank = self.bank_operations(self._counts.training)
        return self._training("train", images, bank)

    def _initial(self, wildcards: Wildcards) -> Work:
        images = self._config["model"]["head_images"]
        by_gist = is_gist_run(wildcards["run"])
        return self._plain(_GIST, images) if by_gist else self._network("initial", images)

    def _queries(self, wildcards: Wildcards) -> Work:
        """Return the work of making a phase's queries, or of looking through given ones."""
        dataset = self._config["dataset"]
        given = SOURCES[dataset["kind"]].gives_queries or wildcards["phase"] in dataset
        return self._plain("prepare" if given else "queries", self._counts.queries)

    def _copies(self, wildcards: Wildcards) -> Work:
        copies = self._config["copies"]
        amount = float(self._counts.training * copies["per_image"] * _share(wildcards))
        return Work("copies", amount, "copies", amount * copies["side"] ** 2)

    def _embed(self, wildcards: Wildcards) -> Work:
        images = float(self._images(wildcards["images"]) * _share(wildcards))
        if is_gist_run(wildcards["run"]):
            return self._plain(_GIST, images)
        return self._network("embed", images, self._passes(Content.parse(wildcards["content"])))

    def _embed_teacher(self, wildcards: Wildcards) -> Work:
        """Return the work of describing images for a network that teaches, as of the run's own.

        How large that one is, its file alone tells, which may not be here.
        """
        return self._network("embed", float(self._images("training") * _share(wildcards)))

    def _passes(self, content: Content) -> float:
        """Return how often an image goes through the network, larger sizes by their pixels."""
        side = self._config["model"]["image_size"]
        sizes = sum((size / side) ** 2 for size in content.sizes) or 1
        looks = 1 + _WITH_MARGINS if content.trimmed else 1
        return sizes * content.orientations * looks

    def _refine(self, wildcards: Wildcards) -> Work:
        rows = float(self._images(wildcards["images"]) * _share(wildcards))
        if not self._config["describe"]["subtract"]:
            return self._plain("refine", rows, "rows")
        pairs = rows * self._counts.training
        return self._plain("refine, subtracting", pairs, "pairs")

    def _merge(self, wildcards: Wildcards) -> Work:
        if not RANKINGS[wildcards["ranking"]].needs_bank:
            return self._plain("merge", self._rows, "rows")
        pairs = self._counts.queries * self._counts.training
        return self._plain("merge by the bank", pairs, "pairs")

    def _search(self, share: Fraction) -> Work:
        pairs = float(self._counts.queries * self._counts.references * share)
        return self._plain("search", pairs, "pairs")


def _share(wildcards: Wildcards) -> Fraction:
    """Return the part of the whole that a shard is."""
    return Fraction(1, Shard.parse(wildcards["shard"]).of) if "shard" in wildcards else Fraction(1)
