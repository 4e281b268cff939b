"""Which reference each image is likest to: copy detection between any two sets of images."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from iscqk.formats.described import Described
from iscqk.matching.collection import described, load_described
from iscqk.matching.model import Model
from iscqk.retrieval.search import nearest_of_each

Places = str | Path | Iterable[str | Path]


def match(
    images: Places,
    against: Places,
    model: Model | str | Path,
    top: int = 1,
    threshold: float | None = None,
    cache: str | Path | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Return the references that images are likest to, the likeliest copies first.

    The search is exact. An image is not matched with itself, so a folder can be matched against
    itself. Images that cannot be read are logged and left out.

    Args:
        images: files and folders, what may be copies.
        against: files and folders, what may have been copied; or a file of `iscqk describe`.
        model: or its folder, see `Model.load`.
        top: references of each image.
        threshold: least score; all pairs without it.
        cache: file that keeps the descriptors of `against` for the next call.
        threads: to compute with.

    Returns:
        A row a pair: `query` and `reference`, their paths; `rank`, of the reference among the
        query's, from 1; `similarity`, the cosine of their descriptors, -1 to 1; `score`, the
        similarity less the query's to training images, which is what makes pairs of different
        queries comparable; and `likely`, whether the score is one from which on 90 % of the pairs
        were copies where the model was evaluated, None where that is not known.

    Raises:
        UserError: there are no such images, none can be read, or the model does not fit.
    """
    model = model if isinstance(model, Model) else Model.load(model)
    references = _references(model, against, cache, threads)
    queries = described(model, "queries", _listed(images), threads=threads)
    table = _nearest(queries, references, top, threads)
    table["score"] = table["similarity"] - model.levels(queries.vectors)[table["row"]]
    likely = model.ranking.likely
    table["likely"] = None if likely is None else table["score"] >= likely
    if threshold is not None:
        table = table[table["score"] >= threshold]
    columns = ["query", "reference", "rank", "score", "similarity", "likely"]
    return table.sort_values("score", ascending=False, kind="stable", ignore_index=True)[columns]


def _listed(places: Places) -> list[str | Path]:
    return [places] if isinstance(places, str | Path) else list(places)


def _references(model: Model, against: Places, cache: str | Path | None, threads: int) -> Described:
    places = _listed(against)
    if len(places) == 1 and Path(places[0]).suffix in (".h5", ".hdf5"):
        return load_described(places[0], model, "references")
    return described(model, "references", places, cache, threads)


def _nearest(queries: Described, references: Described, top: int, threads: int) -> pd.DataFrame:
    """Return row (of the query), query, reference, rank and similarity of each query's nearest."""
    # one more, in place of the query itself where it is a reference too
    found = nearest_of_each(queries.vectors, references.vectors, top + 1, threads)
    names, others = ([file.path for file in side.files] for side in (queries, references))
    table = pd.DataFrame(
        {
            "row": found.query_index,
            "query": np.array(names, dtype=object)[found.query_index],
            "reference": np.array(others, dtype=object)[found.reference_index],
            "similarity": 1 - found.squared_distance / 2,  # of unit vectors
        }
    )
    places, other_places = (
        [str(Path(name).resolve()) for name in part] for part in (names, others)
    )
    itself = np.array(places)[found.query_index] == np.array(other_places)[found.reference_index]
    table = table[~itself]
    table["rank"] = table.groupby("row").cumcount() + 1
    return table[table["rank"] <= top]
