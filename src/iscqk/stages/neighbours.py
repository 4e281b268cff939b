"""Set methods side by side that learned from unbalanced images, by nearest-neighbour accuracy.

Accuracy is that of a balanced evaluation set, over all classes and over the rare ones: an image
counts as right when the nearest other image is of its class.
"""

import argparse
import logging
from typing import Annotated

import numpy as np
import pandas as pd

from iscqk.comparison.run_plots import accuracy_plot
from iscqk.comparison.run_tables import as_markdown, over_seeds, seeds_in_words
from iscqk.formats.arrays import BoolArray
from iscqk.formats.csv_tables import write_table
from iscqk.formats.descriptor_shards import checked_shards, stacked
from iscqk.formats.files import sha256_of, write_text
from iscqk.formats.json_kinds import ONE_AT_LEAST
from iscqk.formats.manifest import read_manifest
from iscqk.formats.results import Comparison
from iscqk.retrieval.knn_accuracy import classes_of, neighbour_is_of_class, rare_classes
from iscqk.runtime.options import json_objects, output_folder

_SHARDS = Annotated[list[str], ONE_AT_LEAST]

logger = logging.getLogger(__name__)

EXAMPLE = r"""iscqk neighbours --runs @runs.json --training training.csv \
    --evaluation evaluation.csv --rare 100 --output compared"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument(
        "--runs", type=json_objects(method=str, seed=int, features=_SHARDS), required=True,
        help="JSON list, or @FILE of it, of method, seed and features, the shards of the "
        "evaluation images'",
    )  # fmt: skip
    parser.add_argument("--training", metavar="MANIFEST", required=True)
    parser.add_argument("--evaluation", metavar="MANIFEST", required=True)
    parser.add_argument("--rare", type=int, required=True, help="training images, at most")
    parser.add_argument("--output", type=output_folder, required=True, help="folder")


def run(arguments: argparse.Namespace) -> None:
    """Write runs.csv, table.csv, table.md and a plot."""
    classes = classes_of(read_manifest(arguments.evaluation))
    rare = rare_classes(classes_of(read_manifest(arguments.training)), arguments.rare)
    is_rare = np.isin(classes, sorted(rare))
    if is_rare.all() or not is_rare.any():
        logger.warning(
            "unbalanced.rare: %s; choose a number between their sizes to tell classes apart",
            _none_of_a_kind(is_rare, arguments.rare),
        )
    rows = []
    images = {"manifest_sha256": sha256_of(arguments.evaluation)}
    for one in arguments.runs:
        shards = checked_shards(one["features"], "embed it again", images)
        right = neighbour_is_of_class(stacked(shards), classes)
        accuracies = {"all": right.mean()}
        if is_rare.any():
            accuracies["rare"] = right[is_rare].mean()
        rows += [
            {"method": one["method"], "seed": one["seed"], "classes": name, "accuracy": value}
            for name, value in accuracies.items()
        ]
    runs = pd.DataFrame(rows)
    table = over_seeds(runs, ["method", "classes"], ["accuracy"]).reset_index()
    output = Comparison(str(arguments.output))
    write_table(output.runs, runs)
    write_table(output.table, table)
    page = _markdown(table)
    if is_rare.all() or not is_rare.any():
        page += f"\n{_none_of_a_kind(is_rare, arguments.rare)}\n"
    write_text(output.page, page)
    accuracy_plot(output.accuracy_plot, table)


def _none_of_a_kind(is_rare: BoolArray, at_most: int) -> str:
    share = "all classes have" if is_rare.all() else "no class has"
    return f"{share} at most {at_most} training images"


def _markdown(table: pd.DataFrame) -> str:
    texts = [
        f"{mean:.1f} %" + ("" if pd.isna(spread) else f" ± {spread:.1f}")
        for mean, spread in 100 * table[["accuracy", "accuracy_std"]].to_numpy(dtype=float)
    ]
    wide = table.assign(text=texts, classes=table["classes"] + " classes")
    wide = wide.pivot(index=["method", "seeds"], columns="classes", values="text").reset_index()
    over = seeds_in_words(table["seeds"])
    return f"{as_markdown(wide)}\nnearest-neighbour accuracy, {over}\n"
