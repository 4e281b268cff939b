"""The plan: all runs of a config, where the models that they share lie, and what is submitted."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping

from iscqk import datasets
from iscqk.formats.model_files import model_files
from iscqk.formats.phases import PHASES
from iscqk.formats.results import Results
from iscqk.images.dataset_interface import Sources
from iscqk.learning.method_interface import GIVEN_FILES
from iscqk.methods import METHODS
from iscqk.plan.dependence import as_text, making, warm_up_images
from iscqk.plan.held_out import HeldOut
from iscqk.plan.images import PlannedImages
from iscqk.plan.jobs import job
from iscqk.plan.made import Made
from iscqk.plan.names import INITIAL, Content, ModelName, Shard, all_shards, learned
from iscqk.plan.run import Run
from iscqk.plan.runs import UNTRACKED, Config, all_runs, benchmarked_run, submission_run
from iscqk.plan.storage import Storage
from iscqk.retrieval import rankings

# Sections that no submission depends on, but for `study.points`: so many models a training of one
# encoder keeps, the last of which is submitted (`making`).
_EVIDENCE = {"study", "unbalanced", "benchmarks", "rehearsal", "validation"}
_OTHERS = {"title", "tensorboard", "ready", "report", "shards", "costs", *_EVIDENCE}


class Plan(Mapping[str, Run]):
    """The runs by name, the submission's first.

    Whatever two runs have in common is made once: all share images and copies, and a model that
    several runs have lies under the name of one of them, its home.

    Attributes:
        config: all of it, defaults filled in.
        images: where they come from, and what jobs are told of them.
        results: where files are.
        storage: that they go through.
        made: what there is of them.
        submitted: the run that is submitted.
        benchmarked: the run of Q/K that `snakemake benchmarks` takes a half-round of.
    """

    def __init__(
        self,
        config: Config,
        images: Sources,
        results: Results | None = None,
        storage: Storage | None = None,
    ) -> None:
        """Plan what a config asks for.

        Raises:
            UserError: an ablation names a key that is not there, or lists of unequal length.
        """
        self.config, self.results = config, results or Results()
        self.storage = storage or Storage()
        self.images = PlannedImages(config, images, self.results, self.storage)
        self.made = Made(self.results, images, is_on_disk=not self.storage.plugin)
        self._homes: dict[tuple[str, ModelName], str] = {}
        self._runs = {
            name: Run(name, changed, self.results, self._home, self.made.shards, self.storage.here)
            for name, changed in all_runs(config).items()
        }
        self._find_homes()
        self.submitted = self._runs[submission_run(config)]
        self.benchmarked = self._runs[benchmarked_run(config)]

    def __getitem__(self, name: str) -> Run:
        return self._runs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def _find_homes(self) -> None:
        """Find the home of each run's models."""
        sharing: dict[tuple[ModelName, str], list[str]] = {}
        for name, run in self._runs.items():
            for model in dict.fromkeys([INITIAL, *run.models]):
                made = making(run.config, run.split, model)
                sharing.setdefault((model, made), []).append(name)
        for (model, _), names in sharing.items():
            home = self.made.home(names, model)
            self._homes.update({(name, model): home for name in names})

    def _home(self, run: str, model: ModelName) -> str:
        return self._homes[run, model]

    def gist(self, run: str, role: str, images: str, shard: str = "") -> list[str]:
        """Return GIST's descriptors of images, if a run joins them to its own."""
        describe = self[run].config["describe"]
        if not describe["gist"]:
            return []
        gist = self[self[run].gist]
        # It has ways of its own to see an image, but looks at the same one.
        content = Content.of(gist.config["describe"])._replace(trimmed=describe["trimmed"])
        return gist.described(describe[role], images, str(content), shard=shard)

    def size_options(self, home: str) -> str:
        """Return as options the sides at which the run that is `starting_at` a home describes.

        What its first weights cannot take is told where they are made, not after the training.
        """
        sizes = sorted(set(self.starting_at(home).config["describe"]["sizes"]))
        return shlex.join(["--sizes", *map(str, sizes)]) if sizes else ""

    def checked_options(self, home: str) -> str:
        """Likewise return what the training needs: a compiler, files that are in no storage."""
        run = self.starting_at(home)
        words = ["--compile"] if run.config["train"]["compile"] and run.last != INITIAL else []
        if run.last.is_half_round and not self.storage.plugin:
            given = [(name.replace("_", "-"), run.own[name]) for name in GIVEN_FILES]
            words += [f"--{name}={file}" for name, file in given if file]
        return shlex.join(words)

    def starting_at(self, home: str) -> Run:
        """Return the submitted run if it starts from the first weights of `home`, else that run."""
        homes = {self._home(name, INITIAL) for name in (home, self.submitted.name)}
        return self.submitted if len(homes) == 1 else self[home]

    def gist_beside(self, run: str, model: str) -> list[str]:
        """Return GIST's descriptors of training images, split as a model's are, if a run joins."""
        network = self[run].by_network(model, "references", "training")
        shards = all_shards(len(network))
        return [file for s in shards for file in self.gist(run, "references", "training", str(s))]

    @property
    def parts(self) -> list[ModelName]:
        """The models along a training of one encoder for both sides."""
        return [learned(part) for part in range(1, self.config["study"]["points"] + 1)]

    @property
    def searches_in_parts(self) -> bool:
        """Whether search is split; where there is one shard, no list of parts is needed."""
        return bool(self.config["shards"]["search"] > 1)

    @property
    def search_job(self) -> str:
        """The name of a job of the search."""
        return job("search") + ("-{shard}" if self.searches_in_parts else "")

    @property
    def search_shards(self) -> list[Shard]:
        """The shards of references that are searched one by one."""
        return all_shards(self.config["shards"]["search"])

    @property
    def submitted_modules(self) -> list[str]:
        """The modules of the submission's method, ranking and images, which are found by name."""
        kind, ranking = self.config["dataset"]["kind"], self.config["describe"]["ranking"]
        return [*self.submitted.modules, *rankings.modules(ranking), f"{datasets.__name__}.{kind}"]

    def submitted_config(self, phase: str) -> str:
        """Return as JSON what a phase's submission depends on of the config."""
        run, other_phases = self.submitted, set(PHASES) - {phase}
        kept = {key: value for key, value in run.config.items() if key not in _OTHERS}
        kept["edits"] = _without(run.config["edits"], other_phases)
        kept["train"] = _without(run.config["train"], {*UNTRACKED, *METHODS} - run.trained_by)
        if run.last.trains_one:  # as many images as Q/K sees, its warm-up's among them
            kept["train"]["qk"] = {"warm_up_images": warm_up_images(run.config)}
        return as_text(kept)

    def submitted_bank(self) -> list[str]:
        """Return the descriptors of training images that submitted ones need, if they do."""
        describe, last = self.submitted.config["describe"], str(self.submitted.last)
        subtracted = self.submitted.subtracted(last, "references")
        return subtracted or self.submitted.bank(describe["ranking"])

    def submitted_weights(self) -> dict[str, str]:
        """Return by role all that submitted descriptors are made with: models and projection."""
        run, describe = self.submitted, self.submitted.config["describe"]
        found = {role: run.model().weights(describe[role]) for role in ("queries", "references")}
        if describe["gist"]:
            found["gist"] = self[run.gist].model().weights("q")
        if projection := run.projection(str(run.last)):
            found["projection"] = projection[0]
        return found

    def submitted_model(self) -> list[str]:
        """Return the names of the files of the submitted model."""
        weights = self.submitted_weights()
        roles = [role for role in weights if role != "projection"]
        return model_files(roles, bool(self.submitted_bank()), "projection" in weights)

    def training_options(self, training: str) -> Callable[[Mapping[str, str]], str]:
        """Return a function of wildcards to the options of a training that change no result."""
        told = [f"--{key.replace('_', '-')} {self.config['train'][key]}" for key in UNTRACKED]

        def options(wildcards: Mapping[str, str]) -> str:
            name = training.format_map(wildcards)
            kept = ["--resume", self.storage.place(self.results.resume(name))]
            if self.config["tensorboard"]:
                kept += ["--tensorboard", self.storage.place(self.results.scalars(name))]
            return " ".join([*kept, *self.storage.options, *told])

        return options

    def held_out(self, trained: Iterable[str]) -> str:
        """Return the option by which `prepare` tells that some runs hold out all the images.

        Args:
            trained: the runs whose training this run of the workflow does.
        """
        most: dict[str, int] = {}
        for run in (self[name] for name in trained):
            if count := run.own.get("validation_images", 0):
                most[run.method] = max(count, most.get(run.method, 0))
        told = " ".join(str(HeldOut(*item)) for item in sorted(most.items()))
        return f"--hold-out {told}" if told else ""


def _without(section: Config, keys: set[str]) -> Config:
    return {key: value for key, value in section.items() if key not in keys}
