"""Every path below the folder of results, spelled once.

What is given as `{run}` or `*` stays as it is: the same functions give rules their patterns, jobs
their files, and whoever looks for what is there its globs.
"""

from dataclasses import dataclass

from iscqk.formats.phases import PHASES

SPLITS = ("training", "references", "others")
# What a model can be asked to describe.
DESCRIBED = ("training", "unbalanced", "evaluation", "references", *PHASES)


@dataclass(frozen=True)
class Ranked:
    """Files of a model's descriptors of a phase, made comparable by a ranking."""

    folder: str

    @property
    def descriptors(self) -> str:
        """The submission file."""
        return f"{self.folder}/descriptors.h5"

    @property
    def predictions(self) -> str:
        """The nearest pairs."""
        return f"{self.folder}/predictions.csv"

    def part(self, shard: object) -> str:
        """The nearest pairs among a shard of the references."""
        return f"{self.folder}/predictions-{shard}.csv"

    def scored(self, convention: str) -> str:
        """What is scored: the conventions differ in how many pairs they take, fb those found."""
        return self.predictions if convention == "fb" else self.descriptors

    @property
    def score(self) -> str:
        """micro-AP and what goes with it."""
        return f"{self.folder}/score.json"

    def half(self, half: str) -> str:
        """The score of one half of the queries."""
        return f"{self.folder}/score-{half}.json"

    @property
    def by_edit(self) -> str:
        """Scores by edit."""
        return f"{self.folder}/by_edit.csv"

    @property
    def curve(self) -> str:
        """Precision over recall."""
        return f"{self.folder}/precision_recall.csv"

    @property
    def validation(self) -> str:
        """What the challenge platform would say of the file."""
        return f"{self.folder}/validation.json"


@dataclass(frozen=True)
class Model:
    """Files of a run's model."""

    folder: str

    def weights(self, side: str) -> str:
        """The weights of side `q` or `k`."""
        return f"{self.folder}/{side}.safetensors"

    @property
    def history(self) -> str:
        """How the training that made it went."""
        return f"{self.folder}/history.csv"

    def described(self, content: str, side: str, images: str, shard: object) -> str:
        """A shard of what a side makes of images."""
        return f"{self.folder}/{content}/{side}/{images}-{shard}.h5"

    @property
    def projection(self) -> str:
        """What joined descriptors are brought to a size allowed with."""
        return f"{self.folder}/refined/projection.safetensors"

    def refined(self, role: str, images: str, shard: object) -> str:
        """A shard of what is submitted of images as queries or references, before the ranking."""
        return f"{self.folder}/refined/{role}/{images}-{shard}.h5"

    def ranked(self, phase: str, ranking: str) -> Ranked:
        """Files of a phase by a ranking."""
        return Ranked(f"{self.folder}/{phase}/{ranking}")


@dataclass(frozen=True)
class Submission:
    """Files of the folder of a phase."""

    folder: str

    def file(self, name: str) -> str:
        """A file of it, by its whole name."""
        return f"{self.folder}/{name}"

    @property
    def descriptors(self) -> str:
        """What the grader takes."""
        return self.file("descriptors.h5")

    @property
    def predictions(self) -> str:
        """The nearest pairs."""
        return self.file("predictions.csv")

    @property
    def score(self) -> str:
        """The score of every ranking and half."""
        return self.file("score.json")

    @property
    def validation(self) -> str:
        """What the challenge platform would say."""
        return self.file("validation.json")

    @property
    def provenance(self) -> str:
        """From what it was made."""
        return self.file("provenance.json")

    @property
    def card(self) -> str:
        """The model card."""
        return self.file("MODEL_CARD.md")

    @property
    def model(self) -> str:
        """The folder that `iscqk match` takes."""
        return self.file("model")


@dataclass(frozen=True)
class Results:
    """The folder of results."""

    root: str = "results"

    @property
    def demo(self) -> str:
        """The folder of the drawn images."""
        return f"{self.root}/demo"

    def drawn(self, split: str) -> str:
        """The folder of a split's drawn images."""
        return f"{self.demo}/{split}"

    @property
    def data(self) -> str:
        """The folder of manifests and ground truths."""
        return f"{self.root}/data"

    def of_phase(self, phase: str, name: str = "") -> str:
        """The folder of a phase's queries, or a file in it by its whole name."""
        return f"{self.data}/{phase}/{name}".rstrip("/")

    def manifest(self, images: str) -> str:
        """The manifest of a split, or of a phase's queries."""
        if images in (*PHASES, "{phase}"):
            return self.of_phase(images, "queries.csv")
        return f"{self.data}/{images}.csv"

    def ground_truth(self, phase: str) -> str:
        """The true pairs of a phase."""
        return self.of_phase(phase, "ground_truth.csv")

    def edits(self, phase: str) -> str:
        """Which edits made each query of a phase."""
        return self.of_phase(phase, "edits.csv")

    def edit_records(self, phase: str) -> str:
        """How each query of a phase was made, with all parameters; of made queries only."""
        return self.of_phase(phase, "edits.jsonl")

    def quarantined(self, phase: str = "") -> str:
        """Images that could not be read: of the splits, or a phase's given queries."""
        return self.of_phase(phase, "quarantined.csv") if phase else f"{self.data}/quarantined.csv"

    def copies(self, split: str, number: int | str, shard: object) -> str:
        """A shard of a round's training copies."""
        return f"{self.root}/copies/{split}/round{number}/{shard}.tar"

    def model(self, run: str, name: object) -> Model:
        """Files of a model, under the run that is its home."""
        return Model(f"{self.root}/runs/{run}/{name}")

    def trace(self, run: str) -> str:
        """Scores along a training."""
        return f"{self.root}/runs/{run}/trace.csv"

    def submission(self, phase: str) -> Submission:
        """Files of a phase's submission."""
        return Submission(f"{self.root}/submission_{phase}")

    def log(self, job: str) -> str:
        """What a job said."""
        return f"{self.root}/logs/{job}.log"

    def usage(self, job: str) -> str:
        """Time and memory of a job, by Snakemake."""
        return f"{self.root}/usage/{job}.tsv"

    def resume(self, job: str) -> str:
        """Where an interrupted training goes on from."""
        return f"{self.root}/resume/{job}.pt"

    def scalars(self, job: str) -> str:
        """The folder of a training's scalars for TensorBoard."""
        return f"{self.root}/tensorboard/{job}"

    def study(self, name: str = "", ablation: str = "") -> str:
        """The folder of the study or of an ablation, or a file in it by its whole name."""
        return "/".join(filter(None, [self.root, "study", ablation, name]))

    def unbalanced(self, name: str = "") -> str:
        """The folder of the comparison on unbalanced classes, or a file in it."""
        return "/".join(filter(None, [self.root, "unbalanced", name]))

    def benchmarks(self, name: str = "") -> str:
        """The folder of the benchmarks, or a file in it by its whole name."""
        return "/".join(filter(None, [self.root, "benchmarks", name]))

    def rehearsal(self, name: str = "") -> str:
        """The folder of the rehearsal, or a file in it by its whole name."""
        return "/".join(filter(None, [self.root, "rehearsal", name]))

    def workflow(self, name: str) -> str:
        """A file about the workflow itself, by its whole name."""
        return f"{self.root}/workflow/{name}"

    @property
    def report(self) -> str:
        """The page; its plots lie in the folder of its name."""
        return f"{self.root}/report.html"

    @property
    def report_plots(self) -> str:
        """The folder of the page's plots."""
        return f"{self.root}/report"

    def tables(self) -> list[str]:
        """Patterns of the tables that the report shows where they are there."""
        return [
            *(self.study("table.csv", ablation) for ablation in ("", "*")),
            self.unbalanced("table.csv"),
            self.benchmarks("*.csv"),
        ]
