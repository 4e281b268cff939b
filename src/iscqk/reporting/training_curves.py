"""How the training of what is submitted went, as plots over the images that it saw."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iscqk.reporting import report_plots
from iscqk.reporting.parts import Figure, figure_of
from iscqk.reporting.report_plots import Curves

_MEAN = "Faint points are single batches, the line is their running mean over a fifth of a part."
_CURVES = (
    Curves(
        "loss",
        {"loss": "loss"},
        "loss, nats",
        "Loss, a mean over the steps since the point before.",
    ),
    Curves(
        "similarity",
        {
            "positive_similarity": "to the positive",
            "nearest_negative_similarity": "to the nearest negative",
        },
        "cosine similarity",
        f"Similarity of an image to its positive and to its nearest negative. {_MEAN}",
        of_batches=True,
    ),
    Curves(
        "accuracy",
        {"accuracy": "accuracy"},
        "accuracy",
        f"How often the positive is nearer than every negative that the loss looks at. {_MEAN}",
        of_batches=True,
    ),
    Curves(
        "validation",
        {"validation": "validation"},
        "micro-AP",
        "micro-AP of copies of training images that are held out.",
    ),
    Curves(
        "learning_rate",
        {"learning_rate": "learning rate"},
        "learning rate",
        "Learning rate of the backbone.",
    ),
    Curves(
        "images_per_second",
        {"images_per_second": "images"},
        "images a second",
        "Images a second, the mean since the part began or went on after a stop.",
    ),
)


class Training(NamedTuple):
    """What is told of a training: how many parts it had, and plots of it."""

    parts: int
    figures: list[Figure]


def training(history: pd.DataFrame, folder: Path) -> Training | None:
    """Return what there is to tell; None where nothing was trained.

    Args:
        history: `iscqk.reporting.reading.training_history`.
        folder: where the plots and their data are written.
    """
    if history.empty:
        return None
    there = set(history.dropna(axis="columns", how="all"))
    figures = [_figure(one, history, folder) for one in _CURVES if there >= set(one.columns)]
    return Training(history["part"].nunique(), figures)


def without_rests(history: pd.DataFrame) -> pd.DataFrame:
    """Return a history in which no point is the mean of a few last steps of a part.

    They are joined to the point before where they are fewer than half as many: else the loss of
    every part would seem to leap at its end.
    """
    rows = []
    for _, part in history.groupby("part", sort=False):
        part, steps = part.copy(), part["images"].diff().to_numpy()
        if len(part) > 2 and steps[-1] < steps[-2] / 2:
            last_two = part["loss"].to_numpy()[-2:]
            part.loc[part.index[-1], "loss"] = np.average(last_two, weights=steps[-2:])
            part = part.drop(index=part.index[-2])
        rows.append(part)
    return pd.concat(rows)


def _figure(curves: Curves, history: pd.DataFrame, folder: Path) -> Figure:
    path = folder / f"training_{curves.name}.svg"
    history = without_rests(history) if curves.name == "loss" else history
    report_plots.training_plot(path, history, curves)
    caption = f"{curves.caption} {_remark(curves.name, history)}".rstrip()
    return figure_of(path, caption, f"{curves.caption} Over the images seen")


def _remark(name: str, history: pd.DataFrame) -> str:
    """Return what the numbers of a plot come down to."""
    if name == "validation":
        looked = history.dropna(subset="validation")
        best = looked["validation"].to_numpy().argmax()
        score, images = looked["validation"].iloc[best], looked["images"].iloc[best]
        return f"The best, {score:.4f} after {images:,} images, is what is submitted."
    if name == "images_per_second":
        waited = history.groupby("part")["data_wait"].last().max()
        return f"At most {waited:.0%} of a part's time went by waiting for images."
    return ""
