"""The scores of the phases as plots: over recall, over scores, by edit, by groups of queries."""

import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from iscqk.comparison.yardsticks import START
from iscqk.formats.results import Ranked
from iscqk.methods import METHODS
from iscqk.plan.names import INITIAL
from iscqk.reporting import reading, report_plots
from iscqk.reporting.parts import Figure, figure_of
from iscqk.reporting.reading import Scored, Submitted

_GROUPINGS = {"strength": "strength of the strongest edit", "edits": "edits in a query's chain"}
_METHOD_RUN = re.compile(rf"({'|'.join(METHODS)})-\d+")


def curve_figure(one: Submitted, models: list[Scored], folder: Path) -> Figure:
    """Return precision over recall: the submission in each ranking, one run of each method."""
    curves = [
        reading.curve(ranked).assign(label=label) for label, ranked in _curves(one, models).items()
    ]
    path = folder / f"precision_recall_{one.phase}.svg"
    report_plots.curve_plot(path, pd.concat(curves))
    split = one.score["split"]
    return figure_of(path, f"{split}.", f"Precision over recall, {split}, a line for each method")


def _curves(one: Submitted, models: list[Scored]) -> dict[str, Ranked]:
    """Return the scores to draw, by label: those that compare with the submission."""
    run, submitted = Path(one.model.folder).parts[-2:]
    name = START if _is_start(run, submitted) else run
    drawn = {f"{name}, submitted": one.ranked}
    for other in (model for model in models if model.phase == one.phase and not model.unlike):
        if label := _label_of(other, one, name, drawn):
            drawn[label] = other.ranked
    return drawn


def _label_of(other: Scored, one: Submitted, name: str, drawn: Collection[str]) -> str | None:
    """Return what the legend calls a model; None where it is not drawn.

    One seed of each method is enough. A model that has learned nothing is drawn as that, and never
    as a method.

    Args:
        other: the model.
        one: the submission.
        name: what the submitted model is called.
        drawn: labels that there are.
    """
    run, submitted = Path(one.model.folder).parts[-2:]
    is_ranked_alike = other.ranking == one.score["ranking"]
    if (other.run, other.model) == (run, submitted):
        return None if is_ranked_alike else f"{name}, {spelt(other.ranking)}"
    if not is_ranked_alike:
        return None
    if _is_start(other.run, other.model):
        return START if other.run == run else None
    method = other.run.split("-")[0]
    is_there = any(label.startswith(f"{method}-") for label in drawn)
    return other.run if _METHOD_RUN.fullmatch(other.run) and not is_there else None


def _is_start(run: str, model: str) -> bool:
    """Return whether a model is what a training starts from; GIST learns nothing, so its is not."""
    method = run.split("-")[0]
    return model == str(INITIAL) and (method not in METHODS or METHODS[method].learns)


def spelt(ranking: str) -> str:
    """Return how a page calls a ranking."""
    return ranking.replace("_", "-")


def score_figure(
    one: Submitted, pairs: pd.DataFrame, precise_from: float | None, folder: Path
) -> Figure:
    """Return how the scores of right and of wrong nearest pairs lie, and the line of 90 %.

    Args:
        one: the submission.
        pairs: `iscqk.reporting.pairs.ranked_pairs`, scores as `Ranking.comparable` makes them.
        precise_from: see `iscqk.retrieval.precise_scores`.
        folder: where the plot and its data are written.
    """
    path = folder / f"scores_{one.phase}.svg"
    report_plots.score_plot(path, pairs[pairs["first"]], precise_from)
    split, text = one.score["split"], "nowhere are 90 % of the pairs copies"
    if precise_from is not None:
        text = f"of the pairs of {precise_from:.3f} or more 90 % are copies"
    alternative = f"Scores of the nearest pairs, {split}, right ones and wrong ones; {text}"
    return figure_of(path, f"{split}: {text}.", alternative)


def edit_figure(one: Submitted, by_edit: pd.DataFrame, folder: Path) -> Figure:
    """Return the scores of the copies of each edit."""
    path = folder / f"by_edit_{one.phase}.svg"
    report_plots.edit_plot(path, by_edit)
    split = one.score["split"]
    worst = ", ".join(by_edit.sort_values("micro_ap")["edit"].head(3))
    return figure_of(path, f"By edit, {split}.", f"Scores by edit, {split}; lowest: {worst}")


def group_figures(groups: pd.DataFrame, folder: Path) -> list[Figure]:
    """Return micro-AP by strength and by number of edits, where they are known."""
    figures = []
    for grouping, title in _GROUPINGS.items():
        rows = groups[groups["grouping"] == grouping]
        if len(rows):
            path = folder / f"by_{grouping}.svg"
            report_plots.group_plot(path, rows, title)
            figures.append(figure_of(path, f"By {title}.", f"micro-AP by {title}, a line a phase"))
    return figures
