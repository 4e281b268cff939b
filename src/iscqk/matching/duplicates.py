"""Which images of a folder are copies of each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iscqk.errors import UserError
from iscqk.formats.image_index import ImageIndex
from iscqk.images.opening import declared_size
from iscqk.matching.basis import Basis, find_basis
from iscqk.matching.describing import warn_of_flat
from iscqk.matching.groups import star_groups
from iscqk.matching.inputs import InputPaths, find_inputs, refuse_below_one
from iscqk.matching.matches import NO_CACHES, Caches, complete
from iscqk.matching.model import Model
from iscqk.matching.neighbourhoods import (
    LISTED,
    NOTHING,
    Neighbourhoods,
    find_neighbourhoods,
    rows_of_same_files,
)
from iscqk.matching.views import View

COLUMNS = ["group", "image", "largest", "width", "height", "similarity", "basis"]


class Duplicates(NamedTuple):
    """What `find_duplicates` returns.

    Attributes:
        table: see `duplicates`.
        images: how many were looked at.
        basis: of what is called a copy.
    """

    table: pd.DataFrame
    images: int
    basis: Basis


def duplicates(
    images: InputPaths,
    model: Model | str | Path | None = None,
    folder: str | Path | None = None,
    threads: int = 1,
    orientations: int = 1,
) -> pd.DataFrame:
    """Return groups of images that are likely copies of each other.

    A group is what are likely copies of one image, its centre, or it of them, so that images do not
    come together by way of others that lie between them.

    Args:
        images: files and folders.
        model: or its folder, see `Model.load`; None: the ready model.
        folder: keeps the descriptors for the next call.
        threads: to compute with.
        orientations: 1, or 8 where copies may be turned by quarters and mirrored.

    Returns:
        A row for each image that has a copy: `group`, from 1; `image`, its path; `largest`, of
        which one of a group the most pixels are; `width` and `height` in pixels; `similarity` to
        the group's centre, 1 for itself; and `basis`, see `match`. The largest of a group comes
        first.

    Raises:
        UserError: there are no such images, none can be read, the model does not fit, or there is
            no basis to tell copies by.
    """
    caches = Caches.of(folder)
    return find_duplicates(images, model, caches, threads, orientations).table


def find_duplicates(
    images: InputPaths,
    model: Model | str | Path | None = None,
    caches: Caches = NO_CACHES,
    threads: int = 1,
    orientations: int = 1,
) -> Duplicates:
    """Return what `duplicates` does, with what it was judged by."""
    refuse_below_one("threads", threads)
    inputs = find_inputs(images)
    if inputs.indexes:
        raise UserError(f"{inputs.indexes[0]}: of one side only; name images and folders")
    model = model if isinstance(model, Model) else Model.load(model)
    views = View("queries", orientations), View("references")
    references = complete(model, views[1], [], inputs.images, caches.references, threads)
    warn_of_flat(references)
    queries = references
    if views[0].digest(model) != views[1].digest(model):
        queries = complete(model, views[0], [], inputs.images, caches.queries, threads)
    count = len(references.files)
    basis = find_basis(model, references, count, threads, orientations, caches.copies)
    if basis.chance is None:
        raise UserError(f"no basis to tell copies by: {basis.missing}; add images")
    own = rows_of_same_files(queries, references)
    near = find_neighbourhoods(model, queries, references, LISTED, threads, orientations, own)
    groups = _Pairs(queries, references, near, basis, orientations).groups()
    return Duplicates(_table(references, groups, basis), count, basis)


class _Pairs:
    """Which images, by their rows among references, are likely copies of each other."""

    def __init__(
        self,
        queries: ImageIndex,
        references: ImageIndex,
        near: Neighbourhoods,
        basis: Basis,
        orientations: int,
    ) -> None:
        self._queries, self._references = queries, references
        self._orientations = orientations
        is_flat = queries.flat[:, None] | references.flat[near.references]
        leads = near.leads(references.vectors, basis.same)
        _, self._likely = basis.judged(leads, is_flat | (near.references == NOTHING))
        least = leads[self._likely].min(initial=np.inf)
        # the similarity from which on a reference is a likely copy of each query
        self._needed = 1 - (1 - near.similarities[:, 0]) * np.exp(leads[:, 0] - least)
        self._near = near
        self._rows = rows_of_same_files(queries, references)
        self._query_of = {row: query for query, row in enumerate(self._rows.tolist())}

    def groups(self) -> list[list[tuple[int, float]]]:
        """Return groups of rows, each with its similarity to the centre, which comes first."""
        queries, columns = np.nonzero(self._likely)
        ours, theirs = self._rows[queries], self._near.references[queries, columns]
        known = ours != NOTHING
        links = list(zip(ours[known].tolist(), theirs[known].tolist(), strict=True))
        return [
            [(group[0], 1.0), *zip(group[1:], self._similar(group[0], group[1:]), strict=True)]
            for group in star_groups(links, self._are_copies)
        ]

    def _are_copies(self, centre: int, others: Sequence[int]) -> list[bool]:
        as_query, as_reference = self._both_ways(centre, others)
        needed = np.array([self._need(other) for other in others])
        is_flat = self._references.flat[centre] | self._references.flat[list(others)]
        likely = (as_query >= self._need(centre)) | (as_reference >= needed)
        found: list[bool] = (likely & ~is_flat).tolist()
        return found

    def _similar(self, centre: int, others: Sequence[int]) -> list[float]:
        similar: list[float] = np.maximum(*self._both_ways(centre, others)).tolist()
        return similar

    def _both_ways(
        self, centre: int, others: Sequence[int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n,) similarities of a centre to others where it is the query, and they are."""
        vectors = self._references.vectors
        as_query = np.stack([self._turned(centre) @ vectors[other] for other in others])
        as_reference = np.stack([self._turned(other) @ vectors[centre] for other in others])
        return as_query.max(1).astype(np.float64), as_reference.max(1).astype(np.float64)

    def _turned(self, row: int) -> NDArray[np.float32]:
        """Return the descriptors (orientations, D) of an image as a query."""
        query = self._query_of[row]
        return self._queries.vectors[query].reshape(self._orientations, -1)

    def _need(self, row: int) -> float:
        return float(self._needed[self._query_of[row]])


def _table(
    references: ImageIndex, groups: list[list[tuple[int, float]]], basis: Basis
) -> pd.DataFrame:
    """Return groups as `duplicates` does."""
    rows = []
    for number, group in enumerate(groups, 1):
        sized = [
            (references.files[row].path, *declared_size(references.files[row].path), similarity)
            for row, similarity in group
        ]
        sized.sort(key=lambda image: (-image[1] * image[2], image[0]))
        for place, (path, width, height, similarity) in enumerate(sized):
            rows.append([number, path, place == 0, width, height, similarity, basis.told()])
    return pd.DataFrame(rows, columns=COLUMNS)
