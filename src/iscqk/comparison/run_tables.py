"""Runs side by side: their scores, what they saw and what they cost, with the spread over seeds."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.compared_columns import COLUMNS
from iscqk.formats.csv_tables import read_whole_table, refuse_no_numbers
from iscqk.formats.markdown import markdown_table
from iscqk.formats.named_files import read_object
from iscqk.plan.jobs import TRAININGS, kind_of

_SECONDS = "seconds"  # in a history of ours
_SCORES = ["micro_ap", "recall_at_p90"]
_COSTS = ["images_seen", "train_seconds", "peak_mb"]
_SPREAD = "mean ± standard deviation"


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


def summary(
    runs: pd.DataFrame, title: str, settings: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """Return means over seeds, a row for each label and phase in the order of `runs`.

    Args:
        runs: what `run_table` gave.
        title: name of the label's column, none of `COLUMNS`.
        settings: by label the keys and values that it stands for; empty where it says all.
    """
    means = over_seeds(runs, ["label", "phase"], _SCORES, _COSTS).reset_index()
    means["train_seconds"] = np.ceil(means["train_seconds"])  # none takes no time
    for column in _COSTS:
        means[column] = means[column].round().astype("Int64")
    if settings:
        means["settings"] = means["label"].map(settings)
    columns = [name for name in ("label", *COLUMNS) if name in means]
    return means[columns].rename(columns={"label": title})


def over_seeds(
    runs: pd.DataFrame, keys: list[str], scores: Sequence[str], others: Sequence[str] = ()
) -> pd.DataFrame:
    """Return means over seeds by keys, in the order of `runs`.

    Args:
        runs: columns `keys`, seed, `scores` and `others`.
        keys: of what the means are.
        scores: what has its standard deviation beside it, `{score}_std`, empty for one seed.
        others: what has none.

    Returns:
        the same columns, and over how many `seeds` the means are.
    """
    groups = runs.groupby(keys, sort=False)
    columns: dict[str, pd.Series] = {"seeds": groups["seed"].nunique()}
    columns |= {name: groups[name].mean() for name in others}
    for name in scores:
        columns |= {name: groups[name].mean(), f"{name}_std": groups[name].std()}
    return pd.DataFrame(columns)


def markdown(table: pd.DataFrame) -> str:
    """Return a summary as a Markdown table, a row for each label; and what each label stands for.

    Args:
        table: what `summary` gave.
    """
    title = str(table.columns[0])
    phases = table["phase"].unique()
    head = [title]
    for phase in phases:
        head += [f"{phase} micro-AP", f"{phase} R@P90"]
    lines = []
    for label, rows in table.groupby(title, sort=False):
        cells = [str(label), *cells_by_phase(rows, phases, _scores)]
        cost = ["" if pd.isna(value) else f"{value:,}" for value in rows[_COSTS].max()]
        lines.append([*cells, *cost, _between(rows["seeds"])])
    text = markdown_table([*head, "images seen", "training, s", "peak, MB", "seeds"], lines)
    text += f"\n{seeds_in_words(table['seeds'])}\n"
    if "settings" in table:
        settings = table[[title, "settings"]].astype(str).drop_duplicates().to_numpy()
        text += "\n" + markdown_table([title, "settings"], settings, to_the_right=False)
    return text


def cells_by_phase(
    rows: pd.DataFrame, phases: Iterable[str], cells: Callable[[pd.Series], list[str]]
) -> list[str]:
    """Return the two cells of each phase, of a label's rows; empty where it has none of a phase."""
    found: list[str] = []
    for phase in phases:
        of_phase = rows[rows["phase"] == phase]
        found += cells(of_phase.iloc[0]) if len(of_phase) else ["", ""]
    return found


def seeds_in_words(seeds: Collection[int], what: str = _SPREAD) -> str:
    """Return over how many seeds `what` is, each of which may be over another number."""
    if not len(seeds):
        return ""
    return "one seed" if max(seeds) == 1 else f"{what} over {_between(seeds)} seeds"


def _between(seeds: Collection[int]) -> str:
    fewest, most = min(seeds), max(seeds)
    return str(most) if fewest == most else f"{fewest} to {most}"


def as_markdown(table: pd.DataFrame) -> str:
    """Return any table as Markdown, fractions to three digits and from 1,000 up to the unit."""
    rows = [[_text(value) for value in row] for row in table.itertuples(index=False)]
    text = markdown_table([str(name) for name in table], rows, to_the_right=False)
    return text if rows else f"{text}\nnothing to show\n"


def rankings_markdown(means: pd.DataFrame) -> str:
    """Return micro-AP by ranking as a Markdown table, a row for each label.

    Args:
        means: `over_seeds` of micro_ap, by label, phase and ranking.
    """
    texts = pd.Series(
        [_spread(*row) for row in means[["micro_ap", "micro_ap_std"]].itertuples(index=False)],
        index=means.index,
    )
    columns = list(dict.fromkeys((phase, ranking) for _, phase, ranking in means.index))
    seeds = means["seeds"].groupby(level="label", sort=False).apply(_between)
    rows = [
        [str(label), *(texts.get((label, *column), "") for column in columns), count]
        for label, count in seeds.items()
    ]
    head = ["micro-AP", *(f"{phase}, {ranking}" for phase, ranking in columns), "seeds"]
    return f"{markdown_table(head, rows)}\n{seeds_in_words(means['seeds'])}\n"


def _text(value: object) -> str:
    if value is pd.NA or value != value:  # the latter: of floats
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"  # which is 1e+03 from there


def _scores(row: pd.Series) -> list[str]:
    return [_spread(row[name], row[f"{name}_std"]) for name in _SCORES]


def _spread(mean: float, std: float) -> str:
    return f"{mean:.4f}" + ("" if pd.isna(std) else f" ± {std:.4f}")
