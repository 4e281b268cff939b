"""Which reference each image is likest to: copy detection between any two sets of images."""

import math
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from iscqk.errors import UserError, refuse_below_one
from iscqk.matching.aside import ALL_OTHERS, NONE_AWAY
from iscqk.matching.basis import Basis, find_basis, refuse_without_edits
from iscqk.matching.cache import Caches
from iscqk.matching.collection import Collection
from iscqk.matching.describing import load_described, warn_of_flat
from iscqk.matching.indexes import Recall, check_index_places
from iscqk.matching.inputs import InputPaths, Inputs, find_both_inputs
from iscqk.matching.judged_pairs import JudgedPairs
from iscqk.matching.left_out import LeftOut
from iscqk.matching.looking_up import (
    How,
    complete,
    left_out_of,
    look_up,
    lookup_among,
    with_left_out,
)
from iscqk.matching.model import Model, threads_of
from iscqk.matching.views import View
from iscqk.models.device import torch_threads
from iscqk.runtime.shutdown import causes_told

# Whatever the rows, so that tables can be joined. Names are objects: not every one is text that a
# column of strings can hold.
_TYPES = {
    **{"query": "object", "reference": "object", "rank": "int64", "score": "float64"},
    **{"similarity": "float64", "chance": "float64", "likely": "boolean", "basis": "object"},
}


class Matches(NamedTuple):
    """What `find_matches` returns.

    Attributes:
        table: see `match`.
        images: how many were looked up.
        basis: of `likely`.
        recall: of the index, where one was asked for.
        below: how many images have likely copies, all of them below the threshold.
        left_out: what lies among what was named and was not looked at.
    """

    table: pd.DataFrame
    images: int
    basis: Basis
    recall: Recall | None = None
    below: int = 0
    left_out: Sequence[LeftOut] = ()

    @property
    def likely_images(self) -> int:
        """How many images have a likely copy in the table."""
        return _likely_images(self.table)


def _likely_images(table: pd.DataFrame) -> int:
    return int(table.loc[table["likely"], "query"].nunique())


def match(
    images: InputPaths,
    against: InputPaths,
    model: Model | str | Path | None = None,
    top: int = 1,
    threshold: float | None = None,
    folder: str | Path | None = None,
    threads: int | None = None,
    orientations: int = 1,
    index: bool = False,
    exclude: str | Sequence[str] = (),
) -> pd.DataFrame:
    """Return the references that images are likest to, likely copies first, then by score.

    The search is exact unless an index is asked for. An image is not matched with itself, whatever
    the names that lead to it, so a folder can be matched against itself. Images that cannot be read
    are logged and left out, and those of one colour are logged, of references the first.

    Args:
        images: files and folders, what may be copies; files of `iscqk describe` among them.
        against: the same of what may have been copied.
        model: or its folder, see `Model.load`; None: the ready model.
        top: references of each image.
        threshold: least score; all pairs without it.
        folder: keeps the descriptors for the next call.
        threads: to compute with; None: as many as the model was loaded with, 1 if not said.
        orientations: 1, or 8 to look images up as they are, in their quarter turns, and as the
            mirror images of all four; the best counts, of those turned with a little less score
            (`Model.levels_of_orientations`).
        index: whether references are looked through by an index, which takes less time and misses
            some; it is kept in `folder`, or beside a file of `iscqk describe`.
        exclude: names of files and folders below those named, or patterns of names (`*.gif`), that
            are passed over.

    Returns:
        A row a pair: `query` and `reference`, their paths; `rank`, of the reference among the
        query's, from 1; `similarity`, the cosine of their descriptors, -1 to 1; `score`, the
        similarity less the query's to training images, which is what makes pairs of different
        queries comparable; `chance`, the share of images without a copy whose nearest reference is
        as far ahead of the others (`iscqk.matching.chance`); `likely`, whether it is called a copy:
        of those so called 90 % are copies; and `basis`, what that was judged by. Without a basis
        `chance` and `likely` are missing, but for equal images where one network serves both sides.
        What is of one colour is never likely. Types are the same whatever the rows: `likely` is of
        pandas' `boolean`, so that `table[table["likely"]]` leaves out what is missing; the names
        and `basis` are `object`, `rank` is `int64`, the others are `float64`. What was left
        out is in `table.attrs["left_out"]`, a dict of why by path.

    Raises:
        UserError: there are no such images, none can be read, the model does not fit, or `top`,
            `threshold`, `threads` or `orientations` is no number to work with; or a worker is lost,
            or memory or disk are full.
    """
    how = How(Caches.of(folder), threads_of(model, threads), orientations, index)
    with causes_told(), torch_threads(how.threads):
        inputs = find_both_inputs(images, against, exclude)
        return with_left_out(find_matches(*inputs, model, how, top, threshold))


def find_matches(
    images: Inputs,
    against: Inputs,
    model: Model | str | Path | None,
    how: How,
    top: int = 1,
    threshold: float | None = None,
) -> Matches:
    """Return what `match` does, with what it was judged by."""
    _check_numbers(top, threshold, how.threads)
    inputs = images, against
    views = View("queries", how.orientations), View("references")
    how.caches.check()
    how.caches.refuse_over(*inputs)
    if how.by_index:
        check_index_places(against.described)
    model = model if isinstance(model, Model) else Model.load(model, how.threads)
    ready = [
        [load_described(path, model, view) for path in named.described]
        for view, named in zip(views, inputs, strict=True)
    ]
    refuse_without_edits(len(against.images) + sum(map(len, ready[1])), how.caches.copies)
    told = set[str]()
    queries, references = (
        complete(model, view, parts, named.images, cache, how.threads, others, told)
        for view, parts, named, cache, others in zip(
            views, ready, inputs, how.caches[:2], (NONE_AWAY, ALL_OTHERS), strict=True
        )
    )
    warn_of_flat(queries)
    warn_of_flat(references, 1, "references")  # nobody asked for them, and each call has all
    lookup = lookup_among(references, model, how)
    basis = find_basis(lookup, queries, references, how.caches.copies)
    own = references.rows_of(queries)
    found, recall = look_up(lookup, queries, references, own, basis, how.by_index, top)
    basis = basis._replace(queries=found.chances)
    table = _table(queries, references, found, basis)
    kept = table if threshold is None else table[table["score"] >= threshold]
    below = _likely_images(table) - _likely_images(kept)
    order = kept.sort_values(["likely", "score"], ascending=False, kind="stable")
    left_out = left_out_of(inputs, queries, references)
    return Matches(order.reset_index(drop=True), len(queries), basis, recall, below, left_out)


def _check_numbers(top: int, threshold: float | None, threads: int) -> None:
    """Refuse numbers that nothing can be done with."""
    refuse_below_one("top", top)
    refuse_below_one("threads", threads)
    is_number = isinstance(threshold, Real) and math.isfinite(threshold)
    if threshold is not None and not is_number:
        raise UserError(f"threshold {threshold!r}: no score to compare with; name a number")


def _table(
    queries: Collection, references: Collection, found: JudgedPairs, basis: Basis
) -> pd.DataFrame:
    """Return pairs as `match` does, in the order of the queries."""
    # Without a basis nobody knows that one is none.
    likely = found.likely if basis.chance else [one or None for one in found.likely.tolist()]
    columns: dict[str, Any] = {
        "query": queries.paths(found.query),
        "reference": references.paths(found.reference),
        "rank": found.rank,
        "score": found.similarity - found.level[found.query],
        "similarity": found.similarity,
        "chance": found.chance,
        "likely": likely,
        "basis": [basis.told()] * len(likely),
    }
    return pd.DataFrame({name: pd.Series(columns[name], dtype=_TYPES[name]) for name in _TYPES})
