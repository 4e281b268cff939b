"""Which images of a folder are copies of each other."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iscqk.errors import UserError, refuse_below_one
from iscqk.formats.image_shards import status_of
from iscqk.images.opening import declared_size
from iscqk.matching.basis import Basis, find_basis, refuse_without_edits
from iscqk.matching.cache import Caches
from iscqk.matching.collection import Collection
from iscqk.matching.describing import load_described, warn_of_flat
from iscqk.matching.indexes import Recall, check_index_places
from iscqk.matching.inputs import InputPaths, Inputs, find_inputs
from iscqk.matching.left_out import LeftOut
from iscqk.matching.likely_copies import Group, LikelyCopies
from iscqk.matching.looking_up import (
    How,
    complete,
    left_out_of,
    look_up,
    lookup_among,
    with_left_out,
)
from iscqk.matching.model import Model, threads_of
from iscqk.matching.other_models import refuse_turned
from iscqk.matching.views import View, serves_both
from iscqk.models.device import torch_threads
from iscqk.runtime.shutdown import causes_told

# Whatever the rows, so that tables can be joined. Names are objects: not every one is text that a
# column of strings can hold.
_TYPES = {
    **{"group": "int64", "image": "object", "largest": "bool", "same_file": "bool"},
    **{"width": "int64", "height": "int64", "similarity": "float64", "chance": "float64"},
    "basis": "object",
}
COLUMNS = list(_TYPES)


class Duplicates(NamedTuple):
    """What `find_duplicates` returns.

    Attributes:
        table: see `duplicates`.
        images: how many were looked at.
        basis: of what is called a copy.
        recall: of the index, where one was asked for.
        left_out: what lies among what was named and was not looked at.
    """

    table: pd.DataFrame
    images: int
    basis: Basis
    recall: Recall | None = None
    left_out: Sequence[LeftOut] = ()


def duplicates(
    images: InputPaths,
    model: Model | str | Path | None = None,
    folder: str | Path | None = None,
    threads: int | None = None,
    orientations: int = 1,
    index: bool = False,
    exclude: str | Sequence[str] = (),
) -> pd.DataFrame:
    """Return groups of images that are likely copies of each other.

    Without a basis, as of fewer than 100 pictures, a group is of equal images.

    In a group every image is a likely copy of one of them, its centre, or the centre is one of it:
    chains of copies of copies do not grow into one group.

    Args:
        images: files and folders; files of `iscqk describe`, too, where one encoder of the model
            serves both sides and images are not turned.
        model: or its folder, see `Model.load`; None: the ready model.
        folder: keeps the descriptors for the next call.
        threads: to compute with; None: as many as the model was loaded with, 1 if not said.
        orientations: 1, or 8 where copies may be turned by quarters and mirrored.
        index: see `match`.
        exclude: see `match`.

    Returns:
        A row for each image that has a copy: `group`, from 1, the least sure first, by their
        largest `chance`; `image`, its path; `largest`, whether it has the most pixels of its group,
        of several such the most bytes; `same_file`, whether it equals one before it in its group to
        the byte; `width` and `height` in pixels, 0 of an image that is gone; `similarity` to the
        group's centre, 1 for itself; `chance`, see `match`, that the image is so near to the centre
        by chance, or the centre to it, 0 where both are equal, missing for itself; and `basis`, see
        `match`. The largest of a group comes first. Types are the same whatever the rows: `largest`
        and `same_file` are `bool`, `image` and `basis` are `object`, `similarity` and `chance` are
        `float64`, the others are `int64`. What was left out is in `table.attrs["left_out"]`, as of
        `match`.

    Raises:
        UserError: there are no such images, none can be read, the model does not fit, or there is
            no basis to tell copies by and each side has its own network, so that not even equal
            images are told; or as `match`.
    """
    how = How(Caches.of(folder), threads_of(model, threads), orientations, index)
    with causes_told(), torch_threads(how.threads):
        return with_left_out(find_duplicates(find_inputs(images, exclude), model, how))


def find_duplicates(images: Inputs, model: Model | str | Path | None, how: How) -> Duplicates:
    """Return what `duplicates` does, with what it was judged by."""
    refuse_below_one("threads", how.threads)
    caches = how.caches
    views = View("queries", how.orientations), View("references")
    caches.check()
    caches.refuse_over(images, images)
    model = model if isinstance(model, Model) else Model.load(model, how.threads)
    is_one = serves_both(model, how.orientations)
    if images.described and not is_one:
        refuse_turned(images.described[0], views[0])
        raise UserError(f"{images.described[0]}: of one side only; name images and folders")
    if how.by_index:
        check_index_places(images.described)
    ready = [load_described(path, model, views[1]) for path in images.described]
    refuse_without_edits(len(images.images) + sum(map(len, ready)), caches.copies)
    told = set[str]()
    looked = partial(complete, model, images=images.images, threads=how.threads, told=told)
    references = looked(view=views[1], parts=ready, cache=caches.references)
    warn_of_flat(references)
    queries = references
    if not is_one:
        queries = looked(view=views[0], parts=[], cache=caches.queries)
    count = len(references)
    lookup = lookup_among(references, model, how)
    basis = find_basis(lookup, queries, references, caches.copies)
    if basis.chance is None and not serves_both(model, 1):
        raise UserError(f"no basis to tell copies by: {basis.missing}; add images")
    own = references.rows_of(queries)
    found, recall = look_up(lookup, queries, references, own, basis, how.by_index)
    basis = basis._replace(queries=found.chances)
    groups = LikelyCopies(queries, references, own, found, basis, how.orientations).groups()
    left_out = left_out_of([images], queries, references)
    return Duplicates(_table(references, groups, basis), count, basis, recall, left_out)


def _table(references: Collection, groups: list[Group], basis: Basis) -> pd.DataFrame:
    """Return groups as `duplicates` does."""
    rows: list[list[object]] = []
    members = np.array([row for group in groups for row, *_ in group], np.int64)
    named = zip(references.paths(members), references.contents(members), strict=True)
    told = basis.told()
    described = [[_Image.of(*next(named), *judged) for _, *judged in group] for group in groups]
    for number, images in enumerate(sorted(map(_with_equal, described), key=_certainty), 1):
        images.sort(key=lambda image: image.order)
        before = set[str]()
        for place, image in enumerate(images):
            is_same = image.sha256 in before
            before |= {image.sha256} - {""}  # of a file that changed while it was read
            facts = (image.width, image.height, image.similarity, image.chance)
            rows.append([number, image.path, place == 0, is_same, *facts, told])
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object).astype(_TYPES)


class _Image(NamedTuple):
    """An image of a group; its sides in pixels and its bytes are 0 where it is gone."""

    path: str
    sha256: str
    similarity: float
    chance: float
    width: int = 0
    height: int = 0
    size: int = 0

    @classmethod
    def of(cls, path: str, sha256: str, similarity: float, chance: float) -> "_Image":
        told = cls(path, sha256, similarity, chance)
        try:
            width, height = declared_size(path)
            return told._replace(width=width, height=height, size=status_of(path).size)
        except (UserError, OSError):
            return told

    @property
    def order(self) -> tuple[int, int, str]:
        """The largest first; copies have often as many pixels, and fewer bytes."""
        return -self.width * self.height, -self.size, self.path


def _with_equal(group: list[_Image]) -> list[_Image]:
    """Return a group in which what equals its centre, the first, does so by no chance."""
    centre, *others = group
    for place, other in enumerate(others):
        if other.sha256 and other.sha256 == centre.sha256:
            others[place] = other._replace(similarity=1.0, chance=0.0)
    return [centre, *others]


def _certainty(group: list[_Image]) -> tuple[float, float]:
    """Return how sure it is of a group, whose centre is the first: as sure as of the least sure."""
    return min((-image.chance, image.similarity) for image in group[1:])
