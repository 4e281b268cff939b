"""What `match` and `duplicates` do alike: describe, look up, and tell what was left out."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import pandas as pd

from iscqk.formats.arrays import IntArray
from iscqk.matching.aside import ALL_OTHERS, Others
from iscqk.matching.basis import Basis
from iscqk.matching.cache import NO_CACHES, Caches
from iscqk.matching.collection import Collection
from iscqk.matching.describing import describe_files
from iscqk.matching.indexes import NO_INDEX, Recall, by_indexes, have_indexes, recall_of
from iscqk.matching.inputs import Identity, Inputs, identity
from iscqk.matching.judged_pairs import JudgedPairs
from iscqk.matching.left_out import LeftOut
from iscqk.matching.model import Model
from iscqk.matching.neighbourhoods import LISTED, Lookup, exactly
from iscqk.matching.views import View


class How(NamedTuple):
    """How images are looked up.

    Attributes:
        caches: that keep descriptors for the next call.
        threads: to compute with.
        orientations: of the images that are looked up, 1 or 8.
        by_index: whether references are looked through by an index; else by the exact search.
    """

    caches: Caches = NO_CACHES
    threads: int = 1
    orientations: int = 1
    by_index: bool = False


def complete(
    model: Model,
    view: View,
    parts: Sequence[Collection],
    images: Sequence[Path],
    cache: str | Path | None,
    threads: int,
    others: Others = ALL_OTHERS,
    told: set[str] | None = None,
) -> Collection:
    """Return what is described already, and images, as one; the last two: see `describe_files`."""
    fresh = [describe_files(model, view, images, cache, threads, others, told)] if images else []
    return Collection([source for part in (*parts, *fresh) for source in part.sources])


def lookup_among(references: Collection, model: Model, how: How) -> Lookup:
    """Return what looks queries up among references."""
    search = by_indexes(references, how.threads) if how.by_index else exactly(references.vectors)
    return Lookup(model, search, how.threads, how.orientations)


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
        index: whether the search is by one, where there are enough images for it.
        top: references of each query; None: those that may be called likely.
    """
    recall = NO_INDEX if index else None
    if index and have_indexes(references):
        recall = recall_of(lookup, queries.vectors, references.vectors, own)
    blocks = lookup.blocks(queries.vectors, max(top or 0, LISTED), own)
    return JudgedPairs.of(queries, references, blocks, basis, top), recall


def left_out_of(named: Iterable[Inputs], *described: Collection) -> list[LeftOut]:
    """Return what was passed over, by its name or as it cannot be read or listed, each once."""
    unreadable = [one for found in described for one in found.left_out]
    passed = [one for inputs in named for one in inputs.left_out]
    found: dict[Identity, LeftOut] = {}
    for one in (*unreadable, *passed):  # a file that is both was looked at by one of its names
        found.setdefault(identity(one.path), one)
    return [*found.values()]


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
