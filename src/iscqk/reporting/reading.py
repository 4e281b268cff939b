"""What lies under results/, read for the report; what is not there is not shown."""

from collections.abc import Mapping, Sequence
from glob import glob
from os.path import getmtime, relpath
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from iscqk.comparison.run_tables import read_history, read_usage, scored
from iscqk.comparison.yardsticks import BASELINE, START, unlike, yardsticks
from iscqk.errors import UserError
from iscqk.formats import results as folders
from iscqk.formats.csv_tables import read_whole_table
from iscqk.formats.named_files import read_object
from iscqk.formats.phases import PHASES
from iscqk.formats.results import Results
from iscqk.plan.jobs import kind_of
from iscqk.plan.names import INITIAL, WARM_UP, ModelName, leading_to
from iscqk.plan.runs import gist_run, submission_run
from iscqk.retrieval.precise_scores import lowest_precise_score

CURVE_POINTS = 300  # of a precision-recall curve; more cannot be told apart in a plot


class Submitted(NamedTuple):
    """A phase as it was submitted.

    Attributes:
        phase: its name.
        results: the folder of results that it lies in.
        score: score.json.
        validation: validation.json.
        provenance: provenance.json.
    """

    phase: str
    results: Results
    score: dict[str, Any]
    validation: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def files(self) -> folders.SubmissionFolder:
        """Where its files are."""
        return self.results.submission(self.phase)

    @property
    def home(self) -> folders.RunModel:
        """The model that is submitted where its weights lie: under a run that had them first."""
        run, name = Path(self.provenance["weights"]["queries"]["path"]).parent.parts[-2:]
        return self.results.model(run, name)

    @property
    def model(self) -> folders.RunModel:
        """The same where its scores lie: under the name of its own run."""
        run = submission_run(self.provenance["config"])
        return self.results.model(run, Path(self.home.folder).name)

    @property
    def yardsticks(self) -> dict[str, dict[str, Any]]:
        """The score.json of what there is to compare it with, by name.

        Raises:
            UserError: one cannot be read.
        """
        config = self.provenance["config"]
        owners = {START: submission_run(config), BASELINE: gist_run(config)}
        models = {name: self.results.model(run, INITIAL) for name, run in owners.items()}
        others = {n: (one, self._weights(one)) for n, one in models.items() if one != self.model}
        queries = self.results.phase(self.phase).queries
        convention = self.score.get("convention")
        return dict(yardsticks(others, config, self.phase, queries, convention))

    def _weights(self, start: folders.RunModel) -> str:
        """Return the weights of a start: its own, or the newest that another run may share."""
        own, gist = start.weights("q"), gist_run(self.provenance["config"])
        shared = glob(self.results.patterns.model("*", INITIAL).weights("q"))
        others = [path for path in shared if Path(path).parent.parent.name != gist]
        return own if Path(own).is_file() else max(others, key=getmtime, default=own)

    def unlike(self, scored: "Scored") -> str:
        """Return why a model's score does not compare with this one's, in words; "" where it does.

        One of those submitted does, whenever a storage brought its file.
        """
        path = scored.ranked.score
        if read_object(path) == self.score.get("rankings", {}).get(scored.ranking):
            return ""
        weights = self.results.model(scored.run, scored.model).weights("q")
        queries = self.results.phase(scored.phase).queries
        return unlike(path, weights, queries, self.score.get("convention"))

    @property
    def precise_from(self) -> float | None:
        """Score from which on 90 % of the phase's pairs are copies."""
        return lowest_precise_score(scores(self.ranked.curve), self.score["ranking"])

    @property
    def ranked(self) -> folders.Ranked:
        """The scores of the ranking that is submitted."""
        return self.model.ranked(self.phase, self.score["ranking"])


class Scored(NamedTuple):
    """A score of a run's model: for a phase, by a ranking, and the files that go with it.

    Attributes:
        unlike: why it does not compare with the submission's, in words; "" where it does.
    """

    run: str
    model: str
    phase: str
    ranking: str
    micro_ap: float
    ranked: folders.Ranked
    unlike: str = ""

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"{self.run}/{self.model}"


def submissions(results: Results) -> list[Submitted]:
    """Return the phases that have a submission.

    Raises:
        UserError: none has, or a file of one is gone or damaged.
    """
    found = [phase for phase in PHASES if Path(results.submission(phase).score).is_file()]
    if not found:
        raise UserError(
            f"{results.root}: a folder of results without a submission; make one with "
            "`snakemake submission_phase2`"
        )
    return [_submission(phase, results) for phase in found]


def _submission(phase: str, results: Results) -> Submitted:
    files = results.submission(phase)
    needed = {
        files.score: ["micro_ap", "ranking", "convention"],
        files.validation: [],
        files.provenance: ["config"],
    }
    told = {path: read_object(path) for path in needed}
    for path, keys in needed.items():
        if lacks := [key for key in keys if key not in told[path]]:
            raise UserError(f"{path}: no {lacks[0]}; submit this phase again with Snakemake")
    return Submitted(phase, results, *told.values())


def scored_models(results: Results) -> list[Scored]:
    """Return all models that have a score, in order of their names."""
    found = []
    for path in sorted(map(Path, glob(results.patterns.model("*", "*").ranked("*", "*").score))):
        run, model, phase, ranking = path.parent.parts[-4:]
        ranked, score = folders.Ranked(str(path.parent)), scored(path, "micro_ap")
        found.append(Scored(run, model, phase, ranking, score, ranked))
    return found


def held_against(submitted: Sequence[Submitted], models: Sequence[Scored]) -> list[Scored]:
    """Return models with why they do not compare: with their phase's submission, or the last."""
    phases = {one.phase: one for one in submitted}
    return [one._replace(unlike=phases.get(one.phase, submitted[-1]).unlike(one)) for one in models]


def scores(path: str | Path) -> pd.DataFrame:
    """Return a table of scores that a run left behind.

    Raises:
        UserError: it is gone.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; score this run again with Snakemake")
    return read_whole_table(path)


def curve(ranked: folders.Ranked) -> pd.DataFrame:
    """Return recall and precision of a ranking, at most `CURVE_POINTS` rows."""
    table = scores(ranked.curve)
    kept = np.unique(np.linspace(0, max(len(table) - 1, 0), CURVE_POINTS).round().astype(int))
    return table.iloc[kept[: len(table)]][["recall", "precision"]]


def training_history(model: folders.RunModel, config: Mapping[str, Any]) -> pd.DataFrame:
    """Return the history.csv of all trainings up to a model, one after the other.

    Of a warm-up only where the model's config has one: it may lie there from before.

    Columns are those of history.csv and `part`, the model that the training made; `images` counts
    on from part to part.
    """
    parts, seen = [], 0
    train = config["train"]
    warm_up = train.get(train.get("method", "qk"), {}).get("warm_up_images", 0)
    for path in _histories(model):
        if path.parent.name == str(WARM_UP) and not warm_up:
            continue
        table = read_history(path)
        parts.append(table.assign(part=path.parent.name, images=table["images"] + seen))
        seen += int(table["images"].iloc[-1])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _histories(model: folders.RunModel) -> list[Path]:
    """Return the files of the trainings that led to a model, in order."""
    folder = Path(model.folder)
    beside = folder.parent.glob(f"*/{Path(model.history).name}")
    files = {ModelName.parse(path.parent.name): path for path in beside}
    chain = leading_to(ModelName.parse(folder.name), files)
    return [files[name] for name in chain if name in files]


def usage(results: Results) -> pd.DataFrame:
    """Return for each kind of job: jobs, seconds in all, longest (seconds), peak_mb.

    Snakemake measures a job's memory every few seconds: what of a short one it missed is NaN.
    """
    rows = []
    for path in sorted(map(Path, glob(results.patterns.usage("**/*"), recursive=True))):
        measured = read_usage(path).iloc[0]
        peak = pd.to_numeric(measured["max_rss"], errors="coerce")
        rows.append((kind_of(path.stem), float(measured["s"]), float(peak)))
    jobs = pd.DataFrame(rows, columns=["stage", "s", "mb"]).groupby("stage")
    table = jobs.agg(jobs=("s", "size"), seconds=("s", "sum"), longest=("s", "max"),
                     peak_mb=("mb", "max"))  # fmt: skip
    return table.sort_values("seconds", ascending=False).reset_index()


def other_tables(results: Results) -> dict[str, pd.DataFrame]:
    """Return the tables of the study, the ablations and the benchmarks that are there, by path."""
    paths = [path for pattern in results.tables() for path in sorted(glob(pattern))]
    return {relpath(path, results.root): read_whole_table(path) for path in paths}
