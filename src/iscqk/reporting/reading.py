"""What lies under results/, read for the report; what is not there is not shown."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.ids import PHASES

CURVE_POINTS = 300  # of a precision-recall curve; more cannot be told apart in a plot
TABLE_ROWS = 40  # of a table of the study or the benchmarks


class Submission(NamedTuple):
    """The folder of a phase.

    Attributes:
        phase: its name.
        folder: `results/submission_{phase}`.
        score: score.json.
        validation: validation.json.
        provenance: provenance.json.
    """

    phase: str
    folder: Path
    score: dict[str, Any]
    validation: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def model(self) -> Path:
        """Folder of the model that is submitted, under `runs/`."""
        run, name = Path(self.provenance["weights"]["queries"]["path"]).parent.parts[-2:]
        return self.folder.parent / "runs" / run / name

    @property
    def scored(self) -> Path:
        """Folder of the scores of the ranking that is submitted."""
        return self.model / self.phase / str(self.score["ranking"])


class Scored(NamedTuple):
    """A score of a run's model: for a phase, by a ranking, and the folder that it lies in."""

    run: str
    model: str
    phase: str
    ranking: str
    micro_ap: float
    folder: Path

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"{self.run}/{self.model}"


def submissions(results: Path) -> list[Submission]:
    """Return the phases that have a submission.

    Raises:
        UserError: none has.
    """
    folders = {phase: results / f"submission_{phase}" for phase in PHASES}
    found = [phase for phase, folder in folders.items() if (folder / "score.json").is_file()]
    if not found:
        raise UserError(
            f"{results}: no submission to report on; make one with `snakemake submission_phase2`"
        )
    return [_submission(phase, folders[phase]) for phase in found]


def _submission(phase: str, folder: Path) -> Submission:
    files = (folder / f"{name}.json" for name in ("score", "validation", "provenance"))
    return Submission(phase, folder, *map(_json, files))


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def scored_models(results: Path) -> list[Scored]:
    """Return all models that have a score, in order of their names."""
    found = []
    for path in sorted(results.glob("runs/*/*/*/*/score.json")):
        run, model, phase, ranking = path.parent.parts[-4:]
        score = float(_json(path)["micro_ap"])
        found.append(Scored(run, model, phase, ranking, score, path.parent))
    return found


def scores(path: Path) -> pd.DataFrame:
    """Return a table of scores that a run left behind.

    Raises:
        UserError: it is gone.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; score this run again with Snakemake")
    return pd.read_csv(path)


def curve(folder: Path) -> pd.DataFrame:
    """Return recall and precision of a ranking, at most `CURVE_POINTS` rows."""
    table = scores(folder / "precision_recall.csv")
    kept = np.unique(np.linspace(0, max(len(table) - 1, 0), CURVE_POINTS).round().astype(int))
    return table.iloc[kept[: len(table)]][["recall", "precision"]]


def training_history(model: Path) -> pd.DataFrame:
    """Return the history.csv of all trainings up to a model, one after the other.

    Columns are those of history.csv and `part`, the model that the training made; `images` counts
    on from part to part.
    """
    parts, seen = [], 0
    for path in _histories(model):
        table = pd.read_csv(path)
        parts.append(table.assign(part=path.parent.name, images=table["images"] + seen))
        seen += int(table["images"].iloc[-1])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _histories(model: Path) -> list[Path]:
    """Return the files in order; a part of a training (`learned-3`) has what was before it."""
    if model.name == "initial" or model.name.startswith("learned"):
        names = [model.name]
    else:
        rounds = [path.name for path in model.parent.glob("round*-[qk]")]
        chain = ["warm-up", *sorted(rounds, key=_round_and_side)]
        names = chain[: chain.index(model.name) + 1]
    files = [model.parent / name / "history.csv" for name in names]
    return [path for path in files if path.is_file()]


def _round_and_side(name: str) -> tuple[int, bool]:
    number, side = name.removeprefix("round").split("-")
    return int(number), side == "k"


def usage(results: Path) -> pd.DataFrame:
    """Return for each kind of job: jobs, seconds in all, longest (seconds), peak_mb.

    Snakemake measures a job's memory every few seconds: what of a short one it missed is NaN.
    """
    rows = []
    for path in sorted((results / "usage").rglob("*.tsv")):
        measured = pd.read_csv(path, sep="\t").iloc[0]
        peak = pd.to_numeric(measured["max_rss"], errors="coerce")
        rows.append((_kind(path.stem), float(measured["s"]), float(peak)))
    jobs = pd.DataFrame(rows, columns=["stage", "s", "mb"]).groupby("stage")
    table = jobs.agg(jobs=("s", "size"), seconds=("s", "sum"), longest=("s", "max"),
                     peak_mb=("mb", "max"))  # fmt: skip
    return table.sort_values("seconds", ascending=False).reset_index()


def _kind(job: str) -> str:
    """Return which kind of job a name is of: `embed` of `embed-descriptors-k-training-0`."""
    return job if job.startswith("warm-up") else job.split("-")[0]


def other_tables(results: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of the study, the ablations and the benchmarks that are there, by path."""
    patterns = ("study/table.csv", "study/*/table.csv", "unbalanced/table.csv", "benchmarks/*.csv")
    paths = [path for pattern in patterns for path in sorted(results.glob(pattern))]
    return {str(path.relative_to(results)): pd.read_csv(path, nrows=TABLE_ROWS) for path in paths}
