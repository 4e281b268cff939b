"""Every path below the folder of results, spelled once.

What is given as `{run}` or `*` stays as it is: the same names give rules their patterns, jobs their
files, and whoever looks for what is there its globs.
"""

from dataclasses import dataclass
from glob import escape

from iscqk.formats.phases import PHASES

SPLITS = ("training", "references", "others")
# What a model can be asked to describe.
DESCRIBED = ("training", "unbalanced", "evaluation", "references", *PHASES)


@dataclass(frozen=True)
class Folder:
    """A folder whose files have names that do not depend on anything."""

    folder: str

    def file(self, name: str) -> str:
        """Return the path of a file in it, by its whole name."""
        return f"{self.folder}/{name}"


class _File:
    """A file of a folder, as an attribute of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: Folder, _: type[Folder]) -> str:
        return folder.file(self.name)


class Ranked(Folder):
    """A model's descriptors of a phase, made comparable by a ranking, and their score."""

    descriptors = _File("descriptors.h5")  # the submission file
    predictions = _File("predictions.csv")  # the nearest pairs
    score = _File("score.json")
    by_edit = _File("by_edit.csv")
    curve = _File("precision_recall.csv")
    validation = _File("validation.json")  # what the challenge platform would say

    @property
    def evaluated(self) -> list[str]:
        """What there is once a model is evaluated."""
        return [self.descriptors, self.predictions, self.score, self.by_edit, self.curve]

    def part(self, shard: object) -> str:
        """Return the nearest pairs among a shard of the references."""
        return self.file(f"predictions-{shard}.csv")

    def half(self, half: str) -> str:
        """Return the score of one half of the queries."""
        return self.file(f"score-{half}.json")

    def scored(self, convention: str) -> str:
        """Return what is scored: conventions differ in how many pairs they take, fb those found."""
        return self.predictions if convention == "fb" else self.descriptors


class RunModel(Folder):
    """A run's model."""

    history = _File("history.csv")  # how the training that made it went
    projection = _File("refined/projection.safetensors")  # of what is joined or whitened

    def weights(self, side: str) -> str:
        """Return the weights of side `q` or `k`."""
        return self.file(f"{side}.safetensors")

    def described(self, content: str, side: str, images: str, shard: object) -> str:
        """Return a shard of what a side makes of images."""
        return self.file(f"{content}/{side}/{images}-{shard}.h5")

    def refined(self, role: str, images: str, shard: object) -> str:
        """Return a shard of images as submitted as queries or references, before the ranking."""
        return self.file(f"refined/{role}/{images}-{shard}.h5")

    def ranked(self, phase: str, ranking: str) -> Ranked:
        """Return the files of a phase by a ranking."""
        return Ranked(self.file(f"{phase}/{ranking}"))


class Data(Folder):
    """The lists of images that the splits have."""

    quarantined = _File("quarantined.csv")  # images that were set aside
    listed_training = _File("listed-training.csv")  # the manifest that training may follow
    behind_training = _File("training.behind.json")  # what decided what that says

    def manifest(self, split: str) -> str:
        """Return the manifest of a split."""
        return self.file(f"{split}.csv")


class Phase(Folder):
    """A phase's queries."""

    images = _File("images.tar")  # made queries
    queries = _File("queries.csv")  # their manifest
    ground_truth = _File("ground_truth.csv")
    edits = _File("edits.csv")  # which edits made each query
    edit_records = _File("edits.jsonl")  # with all parameters, of made queries
    quarantined = _File("quarantined.csv")  # of given queries


class Comparison(Folder):
    """Runs side by side."""

    runs = _File("runs.csv")
    table = _File("table.csv")
    page = _File("table.md")
    plot = _File("micro_ap.svg")
    accuracy_plot = _File("accuracy.svg")
    by_edit = _File("by_edit.csv")
    by_edit_plot = _File("by_edit.svg")
    curves = _File("precision_recall.csv")
    curves_plot = _File("precision_recall.svg")
    images_seen = _File("images_seen.csv")
    images_seen_plot = _File("images_seen.svg")
    rankings = _File("rankings.csv")
    rankings_page = _File("rankings.md")

    @property
    def of_settings(self) -> list[str]:
        """The files of an ablation."""
        return [self.table, self.page, self.runs, self.plot]

    @property
    def of_methods(self) -> list[str]:
        """The files of the study."""
        edits, curves = [self.by_edit, self.by_edit_plot], [self.curves, self.curves_plot]
        seen = [self.images_seen, self.images_seen_plot]
        return [*self.of_settings, *edits, *curves, *seen, self.rankings, self.rankings_page]

    @property
    def of_classes(self) -> list[str]:
        """The files of the comparison on labelled images."""
        return [self.table, self.page, self.runs, self.accuracy_plot]


class SubmissionFolder(Folder):
    """The folder of a phase."""

    descriptors = _File("descriptors.h5")  # what the grader takes
    predictions = _File("predictions.csv")
    score = _File("score.json")  # of every ranking and half
    validation = _File("validation.json")
    provenance = _File("provenance.json")
    card = _File("MODEL_CARD.md")
    model = _File("model")  # the folder that `iscqk match` takes

    def model_files(self, names: list[str]) -> list[str]:
        """Return the files of that folder."""
        return [f"{self.model}/{name}" for name in names]


class ReadyModel(Folder):
    """The submitted model made small."""

    card = _File("MODEL_CARD.md")


@dataclass(frozen=True)
class Results:
    """The folder of results."""

    root: str = "results"

    @property
    def patterns(self) -> "Results":
        """The same to look for what is there: its own name is meant as it is, whatever is in it."""
        return Results(escape(self.root))

    def at(self, *names: str) -> Folder:
        """Return a folder in it."""
        return Folder("/".join(filter(None, [self.root, *names])))

    def drawn(self, split: str) -> str:
        """Return the shard of a split's drawn images."""
        return self.at("demo").file(f"{split}.tar")

    @property
    def data(self) -> Data:
        """The splits."""
        return Data(self.at("data").folder)

    def phase(self, phase: str) -> Phase:
        """Return the files of a phase's queries."""
        return Phase(self.data.file(phase))

    def manifest(self, images: str) -> str:
        """Return the manifest of a split, or of a phase's queries."""
        if images in (*PHASES, "{phase}"):
            return self.phase(images).queries
        return self.data.manifest(images)

    def copies(self, split: str, number: int | str, shard: object) -> str:
        """Return a shard of a round's training copies."""
        return self.at("copies", split, f"round{number}").file(f"{shard}.tar")

    def model(self, run: str, name: object) -> RunModel:
        """Return a model's files, under the run that is its home."""
        return RunModel(self.at("runs", run, str(name)).folder)

    def taught(self, teacher: str, images: str, shard: object) -> str:
        """Return a shard of what a network that teaches makes of images."""
        return self.at("teachers", teacher).file(f"{images}-{shard}.h5")

    def learning_curve(self, run: str) -> str:
        """Return the scores along a training."""
        return self.at("runs", run).file("learning_curve.csv")

    def submission(self, phase: str) -> SubmissionFolder:
        """Return the files of a phase's submission."""
        return SubmissionFolder(self.at(f"submission_{phase}").folder)

    @property
    def ready_model(self) -> ReadyModel:
        """The submitted model made small."""
        return ReadyModel(self.at("ready_model").folder)

    def log(self, job: str) -> str:
        """Return what a job said."""
        return self.at("logs").file(f"{job}.log")

    def usage(self, job: str) -> str:
        """Return time and memory of a job, by Snakemake."""
        return self.at("usage").file(f"{job}.tsv")

    def resume(self, job: str) -> str:
        """Return where an interrupted training goes on from."""
        return self.at("resume").file(f"{job}.pt")

    def scalars(self, job: str) -> str:
        """Return the folder of a training's scalars for TensorBoard."""
        return self.at("tensorboard").file(job)

    def study(self, ablation: str = "") -> Comparison:
        """Return the files of the study, or of an ablation."""
        return Comparison(self.at("study", ablation).folder)

    @property
    def unbalanced(self) -> Comparison:
        """The comparison on unbalanced classes."""
        return Comparison(self.at("unbalanced").folder)

    def benchmarks(self, name: str) -> str:
        """Return a file of the benchmarks, by its whole name."""
        return self.at("benchmarks").file(name)

    def rehearsal(self, name: str) -> str:
        """Return a file of the rehearsal, by its whole name."""
        return self.at("rehearsal").file(name)

    def validation(self, name: str) -> str:
        """Return a file of the validation by other edits than the training's, by its whole name."""
        return self.at("validation").file(name)

    def workflow(self, name: str) -> str:
        """Return a file about the workflow itself, by its whole name."""
        return self.at("workflow").file(name)

    @property
    def report(self) -> str:
        """The page."""
        return self.at().file("report.html")

    @property
    def report_plots(self) -> str:
        """The page's plots with their data."""
        return self.at().file("report.zip")

    def tables(self) -> list[str]:
        """Return the patterns of the tables that the report shows where they are there."""
        there = self.patterns
        compared = (there.study(), there.study("*"), there.unbalanced)
        return [*(one.table for one in compared), there.benchmarks("*.csv")]
