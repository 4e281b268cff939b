"""From image files to the rows of a manifest, and what may not be in two of them."""

import logging
import os
from collections.abc import Mapping, Sequence
from itertools import compress, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray, StrArray, first_where
from iscqk.formats.ids import QUERY, REFERENCE, TRAINING, IdForm
from iscqk.formats.image_shards import digest_of, place_of
from iscqk.formats.manifest import COLUMNS, IN_ORDER
from iscqk.formats.printable_names import printable, utf8
from iscqk.images.finding import refuse_lost
from iscqk.images.opening import NOT_UTF8, BadImage, measure_image
from iscqk.images.quarantine import refuse_bad
from iscqk.runtime.logs import progress
from iscqk.runtime.wording import counted
from iscqk.runtime.workers import parallel_map

logger = logging.getLogger(__name__)


class SplitIds(NamedTuple):
    """The ids that a split's images may have."""

    form: IdForm
    numbers: range

    def names(self, paths: Sequence[Path]) -> BoolArray:
        """Return for each of (n,) paths whether its stem is one of these ids."""
        stems = _stems(paths, self.form)
        named = self.form.matches(stems)
        named[named] = np.isin(self.form.numbers(stems[named]), self.numbers)
        return named

    def have_form(self, paths: Sequence[Path]) -> bool:
        """Return whether all stems have the form of these ids, of whatever number."""
        return bool(self.form.matches(_stems(paths, self.form)).all())

    @property
    def description(self) -> str:
        """How an error message names the ids."""
        if len(self.numbers) == 10**self.form.digits:
            return self.form.description
        return f"{self.form.make(self.numbers[0])} to {self.form.make(self.numbers[-1])}"


def _stems(paths: Sequence[Path], form: IdForm) -> StrArray:
    # One letter more than an id has tells, and a long name takes no memory for all of them.
    return np.array([path.stem[: form.width + 1] for path in paths], dtype=np.str_)


# What to do about a training image that is a reference or a query, too.
_REMOVE = "remove this training image"
_BY_LIST = "a list of the others as dataset.lists.training"
LEAVE_OUT_BY_LIST = f"{_REMOVE}, or leave it out ({_BY_LIST})"
LEAVE_OUT = f"{_REMOVE}, or leave it out (dataset.bad_images: quarantine, or {_BY_LIST})"
LEAVE_OUT_ANEW = (
    f"{_REMOVE}, or leave it out (snakemake with --forcerun prepare, which looks at these queries "
    "now)"
)
SPLIT_IDS = {
    "training": SplitIds(TRAINING, range(1_000_000)),
    "references": SplitIds(REFERENCE, range(1_000_000)),
    # Ours: the challenge has no such split.
    "others": SplitIds(IdForm("other", "O", 6), range(1_000_000)),
    "phase1": SplitIds(QUERY, range(50_000)),
    "phase2": SplitIds(QUERY, range(50_000, 100_000)),
}


def refuse_graded(paths: Sequence[Path]) -> None:
    """Refuse training images that go by the name of a reference or query of the challenge.

    Raises:
        UserError: there is one.
    """
    for form in (REFERENCE, QUERY):
        named = form.matches(_stems(paths, form))
        if (row := first_where(named)) is not None:
            raise UserError(
                f"{paths[row]}: named as a {form.kind}; training on these is "
                f"against the rules, move it away or rename it ({named.sum()} such images)"
            )


def assign_ids(paths: Sequence[Path], split: SplitIds) -> list[str]:
    """Return an id for each path: its own where the file is named by one, else the lowest free.

    Raises:
        UserError: two files are named by the same id, or there are more files than ids.
    """
    owners: dict[str, Path] = {}
    named = split.names(paths)
    for path in compress(paths, named):
        if owners.setdefault(path.stem, path) != path:
            raise UserError(f"{path}: has the same id as {owners[path.stem]}; rename one of them")
    if len(paths) > len(split.numbers):
        raise UserError(
            f"{len(paths)} {split.form.kind} images; there are {len(split.numbers)} ids"
        )
    free = (i for i in map(split.form.make, split.numbers) if i not in owners)
    return [
        path.stem if is_named else next(free) for path, is_named in zip(paths, named, strict=True)
    ]


def ids_for_truth(paths: Sequence[Path], split: SplitIds) -> list[str]:
    """Return the ids that a ground truth can speak of: those by which files are named.

    Where some are named so, another that is named by none (`q00002`, `Q00002.jpg.jpg`) would get
    the free id of a third, and be scored as that. Where none is, all are numbered in the order of
    their paths, which is told: one that comes or goes then shifts the others.

    Raises:
        UserError: as `assign_ids`.
    """
    ids = assign_ids(paths, split)
    if (named := split.names(paths)).any():
        return list(compress(ids, named))
    if ids:
        what = "%s: no %s image is named by an id, so each goes by its place among them (%s here); "
        what += "name the files by the ids of the ground truth, that none shifts where one comes"
        logger.warning(what, printable(paths[0]), split.form.kind, ids[0])
    return ids


def listing_of(paths: Sequence[Path], split: SplitIds, workers: int) -> pd.DataFrame:
    """Return manifest rows of `paths`, and why an image cannot be read: `reason`, "" if it can.

    Every image is decoded, so that none fails hours later.

    Raises:
        UserError: two files are named by the same id, or there are more files than ids; or tar
            files do not come in the order of the ids of their images.
    """
    ids = assign_ids(paths, split)
    _refuse_scattered(paths, ids)
    looks = progress(parallel_map(_look, paths, workers, 64), len(paths), "read images")
    rows = ((i, utf8(p), *look) for i, p, look in zip(ids, paths, looks, strict=True))
    table = pd.DataFrame(rows, columns=[*COLUMNS, "reason"])
    _tell_duplicates(table)
    return table.sort_values("id", ignore_index=True)


def _refuse_scattered(paths: Sequence[Path], ids: Sequence[str]) -> None:
    """Refuse tar files whose images do not follow each other by id: a job takes some of them whole.

    Raises:
        UserError: naming the first that comes too late.
    """
    places = [
        (image, place.shard)
        for image, path in zip(ids, paths, strict=True)
        if (place := place_of(path))
    ]
    numbers = {shard: number for number, shard in enumerate(dict.fromkeys(s for _, s in places))}
    for (before, first), (image, second) in pairwise(sorted(places)):
        if numbers[second] < numbers[first]:
            what = f"{image}, in {printable(second)}, comes after {before}, in {printable(first)}"
            raise UserError(f"{what}, which is named later; {IN_ORDER}")


def manifest_of(paths: Sequence[Path], split: SplitIds, workers: int) -> pd.DataFrame:
    """Return manifest rows of `paths`, all of which can be read.

    Raises:
        UserError: as `listing_of`, or images cannot be read.
    """
    rows = listing_of(paths, split, workers)
    refuse_bad([rows])
    return rows[COLUMNS]


def _look(path: Path) -> tuple[str, int, int, str]:
    """Return (sha256, width, height, "") of an image, or ("", 0, 0, what is wrong with it)."""
    if reason := _not_utf8(path):
        return "", 0, 0, reason
    try:
        width, height = measure_image(path)
        return digest_of(path), width, height, ""
    except (BadImage, OSError) as error:
        reason = error.reason if isinstance(error, BadImage) else error.strerror or str(error)
        refuse_lost(path, reason)
        return "", 0, 0, reason


def _not_utf8(path: Path) -> str:
    """Return which name in an image's path no table can hold, the outermost; "" where all can."""
    for place in (*reversed(path.parents), path):
        try:
            os.fsencode(place.name).decode("utf-8")
        except UnicodeDecodeError:
            return f"a file {NOT_UTF8}" if place == path else f"a folder {NOT_UTF8}, {utf8(place)}"
    return ""


def _tell_duplicates(rows: pd.DataFrame) -> None:
    again = rows[(rows["reason"] == "") & rows["sha256"].duplicated()]
    if len(again):
        logger.warning(
            "%s the content of another of their split, %s first",
            counted(len(again), "image has", "images have"),
            again["path"].iloc[0],
        )


def copied_others(references: pd.DataFrame, others: pd.DataFrame) -> list[str]:
    """Return what is wrong with sources of queries that copy nothing where a reference is the same.

    Args:
        references: rows of a manifest.
        others: those sources, likewise.
    """
    both = others.merge(references.drop_duplicates("sha256"), on="sha256")
    return [
        f"{printable(path)}: has the content of the reference {printable(of)}, so that to find it "
        "would count as false; remove it from what copies nothing"
        for path, of in zip(both["path_x"], both["path_y"], strict=True)
    ]


def overlaps(
    training: pd.DataFrame,
    others: pd.DataFrame,
    name: str,
    remedy: str = _REMOVE,
) -> list[str]:
    """Return what is wrong with training images that are images of `others`, too.

    It is the training image that has to go: the grader wants every reference and query.

    Args:
        training: rows of a manifest.
        others: likewise, of the split called `name`.
        name: of what is not to be trained on.
        remedy: what to do about it.
    """
    shared = _shared(training, others, name)
    return [
        f"{printable(path)}: {reason}, {remedy}"
        for path, reason in zip(shared["path_x"], shared["reason"], strict=True)
    ]


def without_shared(training: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return rows of `listing_of` where images of `others`, too, have that as their `reason`.

    Args:
        training: such rows.
        others: likewise, by what they are called.
    """
    training = training.copy()
    for name, rows in others.items():
        shared = _shared(training, rows, name).drop_duplicates("id_x").set_index("id_x")
        reasons = training["id"].map(shared["reason"])
        training["reason"] = training["reason"].where(reasons.isna(), reasons)
    return training


def _shared(training: pd.DataFrame, others: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return rows of both, and as `reason` why the first must not be trained on."""
    columns = ["id", "path", "sha256"]
    both = training[training["sha256"] != ""][columns].merge(others[columns], on="sha256")
    of = both["path_y"].map(printable)
    return both.assign(
        reason="has the content of " + of + f"; training on {name} is against the rules"
    )
