"""Runs side by side: their scores, what they saw and what they cost, with the spread over seeds."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.csv_tables import read_whole_table, refuse_no_numbers
from iscqk.formats.markdown import markdown_table
from iscqk.formats.named_files import read_object
from iscqk.formats.results import COMPARED
from iscqk.plan.jobs import TRAININGS, kind_of

_SECONDS = "seconds"  # in a history of ours
_SCORES = ["micro_ap", "micro_ap_std", "recall_at_p90"]


class Measured(NamedTuple):
    """Files that one phase of one run left behind.

    Attributes:
        label: of its row in the table.
        seed: of the run.
        phase: of the score.
        score: score.json.
        histories: history.csv of each training, one after the other.
        usage: Snakemake's benchmark of every job that its training took.
    """

    label: str
    seed: int
    phase: str
    score: str
    histories: list[str]
    usage: list[str]


def run_table(measured: Iterable[Measured]) -> pd.DataFrame:
    """Return a row for each run and phase: scores, images seen by SGD, seconds, megabytes.

    The seconds of a run are those of its jobs one after the other, of a training by its own account
    where that is more: of a job that went on after a stop, Snakemake knows the rest. Its megabytes
    are the largest job's resident memory.
    """
    return pd.DataFrame([_row(one) for one in measured])


def _row(one: Measured) -> dict[str, object]:
    usage = [read_usage(path) for path in one.usage]
    histories = [read_history(path) for path in one.histories]
    peaks = [pd.to_numeric(jobs["max_rss"], errors="coerce").max() for jobs in usage]
    return {
        "label": one.label,
        "seed": one.seed,
        "phase": one.phase,
        "micro_ap": scored(one.score, "micro_ap"),
        "recall_at_p90": scored(one.score, "recall_at_p90"),
        "images_seen": images_seen(histories),
        "train_seconds": _seconds(one, usage, histories),
        "peak_mb": pd.Series(peaks, dtype=float).max(),
    }


def _seconds(one: Measured, usage: list[pd.DataFrame], histories: list[pd.DataFrame]) -> float:
    jobs = [float(table["s"].sum()) for table in usage]
    trained = [seconds_trained(table) for table in histories]
    kinds = [kind_of(Path(path).stem) for path in one.usage]
    places = [place for place, kind in enumerate(kinds) if kind in TRAININGS]
    if len(places) != len(trained):  # files of other names: which job was which training is unknown
        return max(sum(jobs), sum(trained))
    for place, seconds in zip(places, trained, strict=True):
        jobs[place] = max(jobs[place], seconds)
    return sum(jobs)


def scored(path: str | Path, name: str) -> float:
    """Return a number of a score.json; UserError where it cannot be read, or has no such."""
    found = read_object(path).get(name)
    if not isinstance(found, int | float) or not math.isfinite(found):
        raise UserError(f"{path}: no {name}; name what `iscqk score` wrote")
    return float(found)


def read_usage(path: str | Path) -> pd.DataFrame:
    """Return Snakemake's benchmark of a job: seconds `s`, resident memory `max_rss`, and more."""
    return read_whole_table(path, ("s", "max_rss"), separator="\t", numbers=["s"])


def read_history(path: str | Path) -> pd.DataFrame:
    """Return a training's history.csv: the images that SGD had seen, and more, row by row."""
    table = read_whole_table(path, ["images"], numbers=["images"])
    if _SECONDS in table:
        refuse_no_numbers(path, table[_SECONDS])
    return table


def images_seen(histories: Iterable[pd.DataFrame]) -> int:
    """Return how many images SGD saw in trainings one after the other."""
    return sum(int(table["images"].iloc[-1]) for table in histories)


def seconds_trained(history: pd.DataFrame) -> float:
    """Return how long SGD took in a training, before a stop as well; 0 where it does not say."""
    return float(history[_SECONDS].iloc[-1]) if _SECONDS in history else 0.0


def summary(runs: pd.DataFrame, title: str) -> pd.DataFrame:
    """Return means over seeds, a row for each label and phase in the order of `runs`.

    Args:
        runs: what `run_table` gave.
        title: name of the label's column, none of `COMPARED`.
    """
    groups = runs.groupby(["label", "phase"], sort=False)
    means = groups.mean(numeric_only=True)
    means["micro_ap_std"] = groups["micro_ap"].std(ddof=1)  # of one seed: not known, empty
    means["train_seconds"] = np.ceil(means["train_seconds"])  # none takes no time
    for column in ("images_seen", "train_seconds", "peak_mb"):
        means[column] = means[column].round().astype("Int64")
    return means.reset_index()[["label", *COMPARED]].rename(columns={"label": title})


def markdown(table: pd.DataFrame, *seeds: int) -> str:
    """Return a summary as a Markdown table, a row for each label.

    Args:
        table: what `summary` gave.
        seeds: how many the means are over, of each label and phase.
    """
    title = str(table.columns[0])
    phases = table["phase"].unique()
    head = [title]
    for phase in phases:
        head += [f"{phase} micro-AP", f"{phase} R@P90"]
    lines = []
    for label, rows in table.groupby(title, sort=False):
        cells = [str(label)]
        for phase in phases:
            scores = rows.loc[rows["phase"] == phase, _SCORES]  # of one row, or of none
            cells += _scores(*scores.iloc[0]) if len(scores) else ["", ""]
        cost = rows[["images_seen", "train_seconds", "peak_mb"]].max()
        lines.append([*cells, *(f"{value:,}" for value in cost)])
    text = markdown_table([*head, "images seen", "training, s", "peak, MB"], lines)
    over = "" if max(seeds) == 1 else "mean ± standard deviation over "
    return f"{text}\n{over}{seeds_in_words(seeds)}\n"


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Return over how many seeds means are, each of which may be over another number."""
    fewest, most = min(seeds), max(seeds)
    if most == 1:
        return "one seed"
    return f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"


def as_markdown(table: pd.DataFrame) -> str:
    """Return any table as Markdown, fractions to three digits and from 1,000 up to the unit."""
    rows = [[_text(value) for value in row] for row in table.itertuples(index=False)]
    text = markdown_table([str(name) for name in table], rows, to_the_right=False)
    return text if rows else f"{text}\nnothing to show\n"


def rankings_markdown(means: pd.DataFrame) -> str:
    """Return micro-AP by ranking as a Markdown table, a row for each label.

    Args:
        means: micro_ap and micro_ap_std, by label, phase and ranking.
    """
    texts = pd.Series(
        [_spread(*row) for row in means[["micro_ap", "micro_ap_std"]].itertuples(index=False)],
        index=means.index,
    )
    columns = list(dict.fromkeys((phase, ranking) for _, phase, ranking in means.index))
    rows = [
        [str(label), *(texts.get((label, *column), "") for column in columns)]
        for label in dict.fromkeys(means.index.get_level_values("label"))
    ]
    head = ["micro-AP", *(f"{phase}, {ranking}" for phase, ranking in columns)]
    return markdown_table(head, rows)


def _text(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"  # which is 1e+03 from there


def _scores(mean: float, std: float, recall: float) -> list[str]:
    return [_spread(mean, std), f"{recall:.4f}"]


def _spread(mean: float, std: float) -> str:
    return f"{mean:.4f}" + ("" if pd.isna(std) else f" ± {std:.4f}")
