"""Which reference each image is likest to: copy detection between any two sets of images."""

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.arrays import IntArray
from iscqk.matching.basis import Basis, find_basis, refuse_without_edits
from iscqk.matching.cache import NO_CACHES, Caches
from iscqk.matching.collection import Collection
from iscqk.matching.describing import describe_files, load_described, warn_of_flat
from iscqk.matching.indexes import Recall, by_indexes, check_index_places, recall_of
from iscqk.matching.inputs import InputPaths, Inputs, find_both_inputs, find_inputs, identity
from iscqk.matching.judged_pairs import JudgedPairs
from iscqk.matching.left_out import LeftOut
from iscqk.matching.model import Model, threads_of
from iscqk.matching.neighbourhoods import LISTED, Lookup, exactly
from iscqk.matching.views import View
from iscqk.models.device import torch_threads
from iscqk.runtime.calls import causes_told
from iscqk.runtime.options import refuse_below_one

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
        below: how many images have likely copies, and all of them below the threshold.
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
    are logged and left out, and those of one colour are logged.

    Args:
        images: files and folders, what may be copies; files of `iscqk describe` among them.
        against: the same of what may have been copied.
        model: or its folder, see `Model.load`; None: the ready model.
        top: references of each image.
        threshold: least score; all pairs without it.
        folder: keeps the descriptors for the next call.
        threads: to compute with; None: as many as the model was loaded with, 1 if not said.
        orientations: 1, or 8 to look images up as they are, in their quarter turns, and as the
            mirror images of all four; the best counts.
        index: whether references are looked through by an index, which takes less time and misses
            some; it is kept in `folder`, or beside a file of `iscqk describe`.
        exclude: names of files and folders below those named, or patterns of names (`*.gif`), that
            are passed over.

    Returns:
        A row a pair: `query` and `reference`, their paths; `rank`, of the reference among the
        query's, from 1; `similarity`, the cosine of their descriptors, -1 to 1; `score`, the
        similarity less the query's to training images, which is what makes pairs of different
        queries comparable; `chance`, of how many images without a copy the nearest reference is as
        far ahead of the others (`iscqk.matching.chance`); `likely`, whether it is called a copy,
        which 90 % of those so called are; and `basis`, what that was judged by. Without a basis
        `chance` and `likely` are missing, but of equal images, by one network for both sides. What
        is of one colour is never likely. Types are the same whatever the rows: `likely` is of
        pandas' `boolean`, so that `table[table["likely"]]` leaves out what is missing; the names
        and `basis` are `object`, `rank` is `int64`, the others are `float64`. What was left
        out is in `table.attrs["left_out"]`, a dict of why by path.

    Raises:
        UserError: there are no such images, none can be read, the model does not fit, or `top`,
            `threshold`, `threads` or `orientations` is no number to work with; or a worker is lost,
            or memory or disk are full.
    """
    caches = Caches.of(folder)
    threads = threads_of(model, threads)
    with causes_told(), torch_threads(threads):
        inputs = find_both_inputs(images, against, exclude)
        return with_left_out(
            find_matches(*inputs, model, top, threshold, caches, threads, orientations, index)
        )


def find_matches(
    images: InputPaths | Inputs,
    against: InputPaths | Inputs,
    model: Model | str | Path | None = None,
    top: int = 1,
    threshold: float | None = None,
    caches: Caches = NO_CACHES,
    threads: int = 1,
    orientations: int = 1,
    index: bool = False,
) -> Matches:
    """Return what `match` does, with what it was judged by."""
    _check_numbers(top, threshold, threads)
    views = View("queries", orientations), View("references")
    caches.check()
    # All that is named is looked at before hours are spent on any of it.
    inputs = find_inputs(images), find_inputs(against)
    caches.refuse_over(*inputs)
    if index:
        check_index_places(inputs[1].described)
    model = model if isinstance(model, Model) else Model.load(model, threads)
    ready = [
        [load_described(path, model, view) for path in found.described]
        for view, found in zip(views, inputs, strict=True)
    ]
    refuse_without_edits(len(inputs[1].images) + sum(map(len, ready[1])), caches.copies)
    queries, references = (
        complete(model, view, parts, found.images, cache, threads)
        for view, parts, found, cache in zip(views, ready, inputs, caches[:2], strict=True)
    )
    warn_of_flat(queries)
    warn_of_flat(references)
    search = by_indexes(references, threads) if index else exactly(references.vectors)
    lookup = Lookup(model, search, threads, orientations)
    basis = find_basis(lookup, queries, references, caches.copies)
    own = references.rows_of(queries)
    found, recall = look_up(lookup, queries, references, own, basis, index, top)
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
        raise UserError(f"--threshold {threshold!r}: no score to compare with; name a number")


def complete(
    model: Model,
    view: View,
    parts: Sequence[Collection],
    images: Sequence[Path],
    cache: str | Path | None,
    threads: int,
) -> Collection:
    """Return what is described already, and images, as one."""
    fresh = [describe_files(model, view, images, cache, threads)] if images else []
    return Collection([source for part in (*parts, *fresh) for source in part.sources])


def left_out_of(named: Iterable[Inputs], *described: Collection) -> list[LeftOut]:
    """Return what was passed over, by its name or as it cannot be read or listed, each once."""
    unreadable = [one for found in described for one in found.left_out]
    passed = [one for inputs in named for one in inputs.left_out]
    return [*{identity(one.path): one for one in (*unreadable, *passed)}.values()]


class _Shared(dict[str, str]):
    """What pandas copies with each table, column and row that it makes of one, and need not."""

    def __deepcopy__(self, memo: object) -> "_Shared":
        return self


class _Found(Protocol):
    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def left_out(self) -> Sequence[LeftOut]: ...


def with_left_out(found: _Found) -> pd.DataFrame:
    """Return the table of what was found, which tells callers what was left out, and why."""
    found.table.attrs["left_out"] = _Shared((one.path, one.why) for one in found.left_out)
    return found.table


def look_up(
    lookup: Lookup,
    queries: Collection,
    references: Collection,
    own: IntArray,
    basis: Basis,
    index: bool,
    top: int | None = None,
) -> tuple[JudgedPairs, Recall | None]:
    """Return what is kept of all neighbourhoods, and what an index finds of them.

    Args:
        lookup: of the queries.
        queries: what is looked up.
        references: what among.
        own: (q,) the reference that is a query's own file, `NOTHING` for none.
        basis: to judge by.
        index: whether the search is by one.
        top: references of each query; None: those that may be called likely.
    """
    recall = recall_of(lookup, queries.vectors, references.vectors, own) if index else None
    blocks = lookup.blocks(queries.vectors, max(top or 0, LISTED), own)
    return JudgedPairs.of(queries, references, blocks, basis, top), recall


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
