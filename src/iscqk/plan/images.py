"""The images of a plan: where they lie, what is given with them, what jobs are told of them.

Names are those of splits (`training`), of phases, or of the images of classes: `unbalanced`, which
are learned from, and `evaluation`.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from iscqk.datasets import SOURCES
from iscqk.formats.image_shards import is_named_as_shard
from iscqk.formats.phases import PHASES
from iscqk.formats.results import Results
from iscqk.images.dataset_interface import Sources
from iscqk.images.folder_fingerprint import fingerprint_of_images
from iscqk.plan.dependence import as_text
from iscqk.plan.names import Shard
from iscqk.plan.runs import Config
from iscqk.plan.storage import Storage


@dataclass(frozen=True)
class PlannedImages:
    """The images of a plan.

    Attributes:
        config: all of it, defaults filled in.
        sources: where they come from.
        results: where files are.
        storage: that they go through.
    """

    config: Config
    sources: Sources
    results: Results
    storage: Storage

    def shards(self, *names: str) -> list[str]:
        """Return the files that images of splits or phases lie in; those in folders have none.

        Who opens images that a manifest names needs them beside it.
        """
        places = [place for name in names for place in self._places(name)]
        return list(filter(is_named_as_shard, places))

    def shards_of_part(self, name: str, part: str) -> list[str]:
        """Return those of `shards` that a part, `0-of-4`, of a split or phase lies in."""
        files = self.shards(name)
        return [files[n] for n in Shard.parse(part).among(len(files))[0]] if files else []

    def part_options(self, name: str, part: str, files: Iterable[object]) -> str:
        """Return the options that make a stage take a part; `files` as of `shards_of_part`."""
        options, count = Shard.parse(part).options, len(self.shards(name))
        within = shlex.join(map(str, files))
        return f"{options} --within {within} --of {count}" if count > 1 else options

    def _places(self, name: str) -> list[str]:
        """Return the folders or shards that the images of a split or phase lie in."""
        if name in PHASES:
            given = self.sources.phases.get(name)
            return given.queries if given else [self.results.phase(name).images]
        if name in ("unbalanced", "evaluation"):
            key = "training" if name == "unbalanced" else name
            return [self.config["unbalanced"][key]]
        return list(getattr(self.sources, name))

    @property
    def is_watched(self) -> bool:
        """Whether it is looked at every start if images have changed."""
        is_watched = SOURCES[self.config["dataset"]["kind"]].watched
        return is_watched and not self.storage.plugin

    def state(self, *names: str) -> str:
        """Return a text that changes with images of splits or phases, where they are watched.

        Only jobs that list them ask.
        """
        places = [place for name in names for place in self._places(name)]
        return fingerprint_of_images(*self.storage.here(places)) if self.is_watched else ""

    def places(self, *splits: str) -> str:
        """Return as text where the images of each split lie, and which list is of which.

        Snakemake compares a job's files as one set, in which each may be of any split.
        """
        return as_text([{split: self._places(split) for split in splits}, self.lists(*splits)])

    def lists(self, *names: str) -> dict[str, str]:
        """Return the list files of splits or phases, of those that have one, in their order."""
        return {name: file for name in names if (file := self.sources.lists.get(name))}

    def given_with(self, phase: str) -> list[str]:
        """Return the files that come with a phase's queries: the ground truth, a list of images."""
        return [self.sources.phases[phase].ground_truth, *self.lists(phase).values()]

    def queries_beforehand(self, made: Iterable[str]) -> str:
        """Return the options by which faults of queries are told with those of other images.

        Given queries are looked at, unless they are in shards, which are looked at on their own: a
        file that is no input may not be there, and what a list names could not be found. Of those
        that are made, it is whether there are images enough.

        Args:
            made: phases whose queries this run makes.
        """
        given = {
            phase: images
            for phase, images in self.sources.phases.items()
            if not any(map(is_named_as_shard, images.queries))
        }
        words = [word for k, images in given.items() for word in (f"--{k}", *images.queries)]
        truths = [f"{k}={images.ground_truth}" for k, images in given.items()]
        lists = [f"{k}={file}" for k, file in self.sources.lists.items() if k in given]
        for option, files in (("--ground-truths", truths), ("--lists", lists)):
            words += [option, *files] if files else []
        if asked := sorted(made):
            words += ["--make", *asked, "--queries", as_text(self.config["queries"])]
        return shlex.join(words)

    def quarantined(self, phase: str) -> list[str]:
        """Return the lists of images that were set aside; of made queries none is."""
        given = [self.results.phase(phase).quarantined] if phase in self.sources.phases else []
        return [self.results.data.quarantined, *given]

    def halves(self, phase: str) -> tuple[str, ...]:
        """Return the halves of a phase that are scored on their own."""
        return self.sources.phases[phase].halves if phase in self.sources.phases else ()
