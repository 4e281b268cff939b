"""One run: its models in order, what each is made from, and what it leaves behind."""

import shlex
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from iscqk.formats.phases import PHASES
from iscqk.formats.results import Ranked, Results, RunModel
from iscqk.learning.method_interface import GIVEN_FILES
from iscqk.methods import METHODS, modules, own_section
from iscqk.models.ready import READY, ready_networks
from iscqk.plan.dependence import (
    as_text,
    budget,
    copy_rounds,
    fresh_copies,
    models,
    train_section,
)
from iscqk.plan.jobs import job
from iscqk.plan.names import (
    INITIAL,
    WARM_UP,
    Content,
    ModelName,
    all_shards,
    files_of_shards,
    half_round,
    leading_to,
)
from iscqk.plan.runs import Config, gist_run, in_names, split_of_run
from iscqk.plan.teachers import teaching_jobs, teaching_network
from iscqk.retrieval.rankings import RANKINGS
from iscqk.settings.describe import projects, refines

Home = Callable[[str, ModelName], str]
Shards = Callable[[str, int], list[str]]
Here = Callable[[Iterable[str]], list[str]]


class HalfRoundInputs(NamedTuple):
    """What one side of Q/K is trained from in half a round.

    Attributes:
        inputs: files by what they are: `start`, weights of the side that is trained; `frozen`,
            those of the other side; `bank`, shards of what that makes of all training images;
            `copies` that side q learns from, or the list `training` of the originals that side k
            learns from; `near_duplicates` and a `teacher`'s descriptors, if there are any.
        bank_jobs: names of the jobs that make the bank.
    """

    inputs: dict[str, str | list[str]]
    bank_jobs: list[str]


class Run:
    """One method trained from one seed.

    Attributes:
        name: of its folder.
        config: all of it, as it is for this run.
        split: the images that it learns from.
        models: along its training, in order; the last is what it submits.
    """

    def __init__(
        self, name: str, config: Config, results: Results, home: Home, shards: Shards, here: Here
    ) -> None:
        """Plan a run.

        Args:
            name: of the run.
            config: of the run, defaults filled in.
            results: where files are.
            home: gives the run under whose name a run's model lies.
            shards: expands a pattern with `{shard}` into so many files, or into as many as were
                already made.
            here: returns which of some files are here.
        """
        self.name, self.config, self._results = name, config, results
        self._home, self._shards, self._here = home, shards, here
        self.split = split_of_run(name)
        self.models = models(config)

    @property
    def last(self) -> ModelName:
        """The model that it submits."""
        return self.models[-1]

    @property
    def method(self) -> str:
        """What it is trained by."""
        return str(self.config["train"]["method"])

    @property
    def modules(self) -> list[str]:
        """The full names of the modules that its method is made of."""
        return modules(self.method)

    @property
    def own(self) -> Config:
        """The section of its method."""
        return own_section(self.config["train"])

    @property
    def trained_by(self) -> set[str]:
        """The methods whose settings its models depend on: SimCLR is how Q/K warms up."""
        return {self.method, *(["simclr"] if WARM_UP in self.models else [])}

    @property
    def training(self) -> str:
        """The manifest of the images that it learns from."""
        return self._results.manifest(self.split)

    @property
    def gist(self) -> str:
        """The name of the run whose GIST is joined to its descriptors."""
        return gist_run(self.config)

    def model(self, name: ModelName | str | None = None) -> RunModel:
        """Return the files of a model, where its home is; without a name, of the last."""
        name = self._named(name)
        return self._results.model(self._home(self.name, name), name)

    def job(self, rule: str, name: ModelName | str, **wildcards: object) -> str:
        """Return the name of a job that made something of a model."""
        name = self._named(name)
        return job(rule, run=self._home(self.name, name), model=name, **wildcards)

    def _named(self, name: ModelName | str | None) -> ModelName:
        return ModelName.parse(name) if isinstance(name, str) else name or self.last

    def text(self, section: str) -> str:
        """Return a section of the config as JSON."""
        return as_text(self.config[section])

    # --- training

    def start(self) -> list[str]:
        """Return the files of the weights that it starts from, those that are here."""
        weights = self.config["model"]["weights"]
        return ready_networks() if weights == READY else self._here([weights])

    @property
    def given_weights(self) -> list[str]:
        """The file of the weights that it starts from, be it here or in a storage.

        One with braces, which Snakemake takes for wildcards, is looked for on a disk only.
        """
        weights = self.config["model"]["weights"]
        named = weights.endswith(".safetensors") and not {*"{}"} & {*weights}
        return [weights] if named else []

    @property
    def given_of_images(self) -> list[str]:
        """The files by which others say something of the images that it learns from, if any."""
        named = [self.own[name] for name in GIVEN_FILES] if self.last.is_half_round else []
        return [file for file in named if file]

    @property
    def budget(self) -> int:
        """The images that SGD sees: what Q/K sees, whatever the method."""
        return budget(self.config)

    def train_text(self, method: str = "") -> str:
        """Return what a training by its own or another method depends on, as JSON."""
        return as_text(train_section(self.config, method or self.method))

    def before(self, number: int | str) -> ModelName:
        """Return the model that round `number` of Q/K starts from."""
        if int(number) > 1:
            return half_round(int(number) - 1, "k")
        return WARM_UP if WARM_UP in self.models else INITIAL

    def half_round(self, number: int | str, side: str) -> HalfRoundInputs:
        """Return what a side is trained from in round `number`."""
        first = side == "q"
        other, images = ("k", "training") if first else ("q", f"copies{number}")
        name = self.before(number) if first else half_round(int(number), "q")
        content = "features" if self.own["live_head"] else "descriptors"
        wildcards: dict[str, Any] = {"content": content, "side": other, "images": images}
        model, bank = self.model(name), self.described(other, images, content, name)
        inputs: dict[str, str | list[str]] = {
            "start": model.weights(side),
            "frozen": model.weights(other),
            "bank": bank,
            "near_duplicates": self.own["near_duplicates"] or [],
            "teacher": self.taught,
        }
        if first:
            inputs["copies"] = self.copies(int(number))
        else:
            inputs["training"] = self.training
        jobs = [self.job("embed", name, **wildcards, shard=n) for n in all_shards(len(bank))]
        return HalfRoundInputs(inputs, jobs)

    @property
    def taught(self) -> str | list[str]:
        """What its teacher makes of the images: descriptors as given, or shards by a network."""
        if not self.teaching_network:
            return self.own["teacher"] or []
        pattern = self._results.taught(in_names(self.teaching_network), "training", "{shard}")
        return self._shards(pattern, self.config["shards"]["training"])

    @property
    def teaching_network(self) -> str:
        """The file of the network that teaches it; "" without one."""
        return teaching_network(self.own) if self.last.is_half_round else ""

    @property
    def teaching_jobs(self) -> list[str]:
        """The names of the jobs by which that network describes the images."""
        network = self.teaching_network
        return teaching_jobs(network, len(self.taught)) if network else []

    def copies(self, number: int) -> list[str]:
        """Return the shards of a round's copies; 0 is the warm-up's."""
        pattern = self._results.copies(self.split, number, "{shard}")
        return self._shards(pattern, self.config["shards"]["training"])

    def all_copies(self) -> list[list[str]]:
        """Return the shards of the copies of each round that it learns from."""
        return [self.copies(number) for number in copy_rounds(self.config)]

    def copy_options(self, files: Iterable[str]) -> str:
        """Return the options of a training that name the copies of each round, from all of them."""
        left = iter(files)
        rounds = ([next(left) for _ in shards] for shards in self.all_copies())
        return " ".join(f"--copies {' '.join(shards)}" for shards in rounds)

    def head_options(self) -> str:
        """Return the options of a training on pairs that say how its head may be fitted again."""
        makes_copies = METHODS[self.method].makes_own_copies
        return "" if makes_copies else shlex.join(["--model", self.text("model")])

    def fresh_options(self) -> str:
        """Return the options of a training that say how copies are made while it learns."""
        sections = [shlex.quote(as_text(section)) for section in fresh_copies(self.config)]
        return "--fresh-copies {} --edits {}".format(*sections) if sections else ""

    def history(self, name: ModelName | str | None = None) -> list[str]:
        """Return the history of every training that leads to a model; without one, to the last."""
        return [self.model(n).history for n in leading_to(self._named(name), self.models)]

    def usage(self) -> list[str]:
        """Return the usage of every job that its training takes, those that make banks too."""
        jobs = [self.job("initial", INITIAL)]
        if self.last.trains_one:
            jobs.append(self.job("learn", self.last))
        jobs += self.teaching_jobs
        for name in self.models:
            if name == WARM_UP:
                jobs.append(self.job("warm_up", name))
            elif name.is_half_round:
                jobs += self.half_round(name.number, name.trained).bank_jobs
                jobs.append(self.job("train", name))
        return [self._results.usage(name) for name in jobs]

    # --- descriptors and scores

    def described(
        self,
        side: str,
        images: str,
        content: str = "descriptors",
        name: ModelName | str | None = None,
        shard: str = "",
    ) -> list[str]:
        """Return the shards of what a side of a model makes of images, or one of them."""
        pattern = self.model(name).described(content, side, images, "{shard}")
        if shard:
            return [pattern.format(shard=shard)]
        if images.startswith("copies"):
            copies = self.copies(int(images.removeprefix("copies")))
            return files_of_shards(pattern, len(copies))  # each is made of one of theirs
        kind = "queries" if images in PHASES else images
        return self._shards(pattern, self.config["shards"].get(kind, 1))

    def by_network(self, name: str, role: str, images: str, shard: str = "") -> list[str]:
        """Return images as the network of a model describes them for `queries` or `references`."""
        describe = self.config["describe"]
        content = str(Content.of(describe))
        return self.described(describe[role], images, content, name, shard)

    def refines(self) -> bool:
        """Return whether it does more with descriptors than its network gives."""
        return refines(self.config["describe"])

    def as_submitted(self, name: str, role: str, images: str) -> list[str]:
        """Return images as they are submitted as `queries` or `references`, before the ranking.

        In as many shards as the network's, of which each is made, whatever others were made of.
        """
        if not self.refines():
            return self.by_network(name, role, images)
        pattern = self._results.model(self.name, name).refined(role, images, "{shard}")
        return files_of_shards(pattern, len(self.by_network(name, role, images)))

    def joining_options(self) -> str:
        """Return the weights of the network's and of GIST's descriptors, if these are joined."""
        weight = self.config["describe"]["gist"]
        return f"--weights 1 {weight}" if weight else ""

    def projection_options(self) -> str:
        """Return the size and the whitening of its projection: of what is joined, or of each."""
        describe, size = self.config["describe"], self.config["model"]["descriptor_size"]
        if not (describe["gist"] and (gist := describe["gist_size"])):
            return f"--size {size} --whitening {describe['whitening']}"
        whitenings = f"{describe['whitening']} {describe['gist_whitening']}"
        return f"--size {size - gist} {gist} --whitening {whitenings}"

    def subtraction_options(self, images: str) -> str:
        """Return how many training descriptors are subtracted from those of images, how much."""
        describe = self.config["describe"]
        if images == "training" or not describe["subtract"]:
            return ""
        return f"--nearest {describe['subtract_nearest']} --share {describe['subtract']}"

    def projection(self, name: str) -> list[str]:
        """Return the projection of what it joins or whitens; none where it does neither."""
        projection = self._results.model(self.name, name).projection
        return [projection] if projects(self.config["describe"]) else []

    def subtracted(self, name: str, images: str) -> list[str]:
        """Return the training descriptors that are subtracted from those of images, if any."""
        if images == "training" or not self.config["describe"]["subtract"]:
            return []
        return self.as_submitted(name, "references", "training")

    def bank(self, ranking: str, name: str | None = None) -> list[str]:
        """Return the training descriptors that a ranking needs, if it does."""
        name = str(self._named(name))
        needed = RANKINGS[ranking].needs_bank
        return self.as_submitted(name, "references", "training") if needed else []

    def temperature(self, *rankings: str) -> float:
        """Return the temperature of rankings' bank; 1 where none has one, whatever the config."""
        has_bank = any(RANKINGS[name].needs_bank for name in rankings)
        return self.config["describe"]["temperature"] if has_bank else 1

    def ranked(self, phase: str, ranking: str = "") -> Ranked:
        """Return the files of the last model's descriptors of a phase, as the run ranks them."""
        ranking = ranking or self.config["describe"]["ranking"]
        return self._results.model(self.name, self.last).ranked(phase, ranking)
