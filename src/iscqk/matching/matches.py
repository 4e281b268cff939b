"""Which reference each image is likest to: copy detection between any two sets of images."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iscqk.errors import UserError
from iscqk.formats.image_index import ImageIndex
from iscqk.matching.describing import concatenated, describe_files, load_index, warn_of_flat
from iscqk.matching.inputs import InputPaths, find_inputs, identity
from iscqk.matching.model import Model
from iscqk.matching.model_folder import SIDES
from iscqk.retrieval.search import nearest_of_each


def match(
    images: InputPaths,
    against: InputPaths,
    model: Model | str | Path | None = None,
    top: int = 1,
    threshold: float | None = None,
    cache: str | Path | None = None,
    threads: int = 1,
    image_cache: str | Path | None = None,
) -> pd.DataFrame:
    """Return the references that images are likest to, the likeliest copies first.

    The search is exact. An image is not matched with itself, whatever the names that lead to it, so
    a folder can be matched against itself. Images that cannot be read are logged and left out, and
    those of one colour are logged.

    Args:
        images: files and folders, what may be copies; files of `iscqk describe` among them.
        against: the same of what may have been copied.
        model: or its folder, see `Model.load`; None: the ready model.
        top: references of each image.
        threshold: least score; all pairs without it.
        cache: file that keeps the descriptors of `against` for the next call.
        threads: to compute with.
        image_cache: the same of `images`.

    Returns:
        A row a pair: `query` and `reference`, their paths; `rank`, of the reference among the
        query's, from 1; `similarity`, the cosine of their descriptors, -1 to 1; `score`, the
        similarity less the query's to training images, which is what makes pairs of different
        queries comparable; and `likely`, whether the score is one from which on 90 % of the pairs
        were copies where the model was evaluated, None where that is not known; it is never
        said of an image of one colour.

    Raises:
        UserError: there are no such images, none can be read, the model does not fit, or `top` or
            `threshold` is no number to work with.
    """
    _check_numbers(top, threshold, threads)
    # All that is named is looked at before hours are spent on any of it.
    inputs = find_inputs(images), find_inputs(against)
    model = model if isinstance(model, Model) else Model.load(model)
    ready = [
        [load_index(path, model, side) for path in found.indexes]
        for side, found in zip(SIDES, inputs, strict=True)
    ]
    queries, references = (
        _complete(model, side, parts, found.images, kept, threads)
        for side, parts, found, kept in zip(SIDES, ready, inputs, (image_cache, cache), strict=True)
    )
    table = _nearest(queries, references, top, threads)
    table["score"] = table["similarity"] - model.levels(queries.vectors)[table["row"]]
    likely = model.ranking.likely
    table["likely"] = None if likely is None else (table["score"] >= likely) & ~table["flat"]
    if threshold is not None:
        table = table[table["score"] >= threshold]
    columns = ["query", "reference", "rank", "score", "similarity", "likely"]
    return table.sort_values("score", ascending=False, kind="stable", ignore_index=True)[columns]


def _check_numbers(top: int, threshold: float | None, threads: int) -> None:
    for name, value in (("top", top), ("threads", threads)):
        if value < 1:
            raise UserError(f"--{name} {value}: at least 1 is needed")
    if threshold is not None and not math.isfinite(threshold):
        raise UserError(f"--threshold {threshold}: no score to compare with; name a number")


def _complete(
    model: Model,
    side: str,
    parts: Sequence[ImageIndex],
    images: Sequence[Path],
    cache: str | Path | None,
    threads: int,
) -> ImageIndex:
    """Return what is described already, and images, as one; warn of those of one colour."""
    fresh = [describe_files(model, side, images, cache, threads)] if images else []
    whole = concatenated([*parts, *fresh])
    warn_of_flat(whole)
    return whole


def _nearest(queries: ImageIndex, references: ImageIndex, top: int, threads: int) -> pd.DataFrame:
    """Return each query's nearest.

    The columns: row (of the query), query, reference, rank, similarity, and flat, whether one of
    the two is of one colour.
    """
    # one more, in place of the query itself where it is a reference too
    found = nearest_of_each(queries.vectors, references.vectors, top + 1, threads)
    rows = found.query_index, found.reference_index
    names, files = [], []
    for side, row in zip((queries, references), rows, strict=True):
        names.append(_objects([file.path for file in side.files])[row])
        files.append(_objects([identity(file.path) for file in side.files])[row])
    table = pd.DataFrame(
        {
            "row": found.query_index,
            # Objects: not every name is text that a column of strings can hold.
            "query": pd.Series(names[0], dtype=object),
            "reference": pd.Series(names[1], dtype=object),
            "similarity": 1 - found.squared_distance / 2,  # of unit vectors
            "flat": queries.flat[rows[0]] | references.flat[rows[1]],
        }
    )
    table = table[files[0] != files[1]]
    table["rank"] = table.groupby("row").cumcount() + 1
    return table[table["rank"] <= top]


def _objects(values: Sequence[object]) -> NDArray[np.object_]:
    """Return (n,) objects, tuples among them, as they are."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
