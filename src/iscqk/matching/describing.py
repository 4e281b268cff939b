"""Image files and their descriptors, described once and again only where a file has changed."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import compress, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.arrays import BoolArray
from iscqk.formats.described_images import DescribedImages, File, Row, read_described
from iscqk.formats.described_shards import ROWS, listed_shards, shard_ranges
from iscqk.formats.files import exclusive
from iscqk.formats.image_shards import version_of
from iscqk.formats.printable_names import printable
from iscqk.images.finding import refuse_lost
from iscqk.images.opening import fault_of, is_one_of_several
from iscqk.images.walking import leads_to_nothing
from iscqk.matching.aside import MADE_OF_OTHERS, NONE_THERE, Others
from iscqk.matching.cache import (
    DescriptorCache,
    digest_if_unchanged,
    refuse_others_only,
)
from iscqk.matching.collection import Collection, Part, Source
from iscqk.matching.fates import Fate, fate_of_asked
from iscqk.matching.left_out import Kind, LeftOut
from iscqk.matching.model import Model
from iscqk.matching.other_models import refuse_other_model, refuse_over_others
from iscqk.matching.views import View
from iscqk.runtime.wording import counted

logger = logging.getLogger(__name__)

_TOLD = 1000  # images of a kind that are told one by one

# From at most `ROWS` files to those of them that can be read, described; None if none can.
_DescribeSome = Callable[[Sequence[Path]], DescribedImages | None]


class _Remarks(NamedTuple):
    """What is told of images when all are described.

    Attributes:
        faults: what cannot be read, and why.
        several: files of several pages or frames that were described now.
    """

    faults: list[LeftOut]
    several: list[str]

    def tell(self, before: set[str]) -> None:
        """Log why images cannot be read, and that of others a part is looked at.

        `before`: paths of those that the same call has told of, to which these are added.
        """
        faults = [fault for fault in self.faults if fault.path not in before]
        several = [path for path in self.several if path not in before]
        before.update((fault.path for fault in faults), several)
        for path, why, _ in faults[:_TOLD]:
            logger.warning("%s: %s", printable(path), why)
        if faults:
            what = counted(
                len(faults), "image cannot be read and is", "images cannot be read and are"
            )
            logger.warning("%s left out", what)
        if several:
            what = "%s several pages or frames (%s first); one of each is looked at"
            have = counted(len(several), "image has", "images have")
            logger.warning(what, have, printable(several[0]))


def describe_files(
    model: Model,
    view: View,
    images: Sequence[Path],
    cache: str | Path | None = None,
    threads: int = 1,
    others: Others = MADE_OF_OTHERS,
    told: set[str] | None = None,
) -> Collection:
    """Return files with their descriptors; those that cannot be read are logged and left out.

    Those of several pages or frames, of which one is looked at, are logged when described anew.
    Of more than `ROWS` files the descriptors do not stay in memory if there is a cache.

    Args:
        model: which describes them.
        view: how they are looked at; with several orientations an image's row has all of them, one
            after the other.
        images: files, one at least.
        cache: file of an earlier call. What it knows of unchanged files, or of files of the same
            content, is taken from it, if the same encoder made it, and it is brought up to date.
            What it knows of others, and of other encoders', stays beside it.
        threads: to compute with.
        others: what the cache is to know of other images. `NONE_THERE` is refused where it knows
            others alone, or is of another encoder.
        told: paths of images that the same call has told of, and need not again; it gets more.

    Raises:
        UserError: no image can be read, the disk of one fails or leaves, the cache cannot be
            written, or what it knows would be lost. What was described before is kept.
    """
    with exclusive(cache) if cache else contextlib.nullcontext():
        if cache and others is NONE_THERE:  # now that no other process writes it
            refuse_over_others(cache, model, view)
            refuse_others_only(cache, images)
        kept = DescriptorCache(cache, view.side, view.digest(model), others, model.origin)
        remarks = _Remarks([], [])
        describe = partial(_describe_some, model, view, threads, kept, remarks)
        parts = (_in_shards if len(images) > ROWS else _in_one)(images, kept, describe)
        remarks.tell(set() if told is None else told)
        if not parts:
            raise UserError(f"{images[0]}: no image can be read; see above, and name others")
        source = Source(parts, left_out=remarks.faults)
        if cache:
            source = replace(source, path=Path(cache), version=version_of(cache))
    return Collection([source])


def _in_one(images: Sequence[Path], kept: DescriptorCache, describe: _DescribeSome) -> list[Part]:
    """Return few images described, and keep them in one file; nothing where none can be read."""
    described = describe(images)
    if described is None:
        return []
    kept.finish(described)
    return [Part.of(described)]


def _in_shards(
    images: Sequence[Path], kept: DescriptorCache, describe: _DescribeSome
) -> list[Part]:
    """Return many images described, each shard of them kept as soon as it is."""
    parts, first = [], 0
    for start, end in shard_ranges(kept.shards_of(images), ROWS):
        described = describe(images[start:end])
        if described is not None:
            parts.append(kept.add_shard(described, first, len(images)))
            first += len(described.files)
    if parts:
        kept.finish()
    return parts


def _describe_some(
    model: Model,
    view: View,
    threads: int,
    kept: DescriptorCache,
    remarks: _Remarks,
    images: Sequence[Path],
) -> DescribedImages | None:
    """Return at most `ROWS` files that can be read, None if none can; add what is to be told."""
    files = list(map(_as_it_is, images))
    known = kept.find(files)
    if known:
        logger.info("%d of %d images are in %s", len(known), len(files), printable(str(kept.path)))
    fresh = [file for file in files if file not in known]
    with kept.keeping(known):
        remarks.faults.extend(_describe(model, view, fresh, threads, kept, known))
    if not view.edited:
        remarks.several.extend(_of_several([file.path for file in fresh if file in known], threads))
    readable = {file: known[file] for file in files if file in known}
    made = view.side, kept.encoder, kept.maker
    return DescribedImages.of(readable, *made) if readable else None


def _as_it_is(path: Path) -> File:
    """Return a file as it is now; what cannot be looked at is told when it is opened.

    Raises:
        UserError: its disk has failed: what is known of it would be forgotten.
    """
    try:
        return File.now(path)
    except OSError as error:
        refuse_lost(path, error.strerror, may_go=True)
        return File(str(path), 0, 0, 0, 0)


def _describe(
    model: Model,
    view: View,
    files: Sequence[File],
    threads: int,
    kept: DescriptorCache,
    known: dict[File, Row],
) -> list[LeftOut]:
    """Add to `known` what can be read of files; return what is wrong with each of the others."""
    left, faults = iter(files), list[LeftOut]()
    with ThreadPoolExecutor(threads) as pool:
        for block in view.blocks(model, [file.path for file in files], threads):
            vectors = block.vectors.reshape(len(block.flat), -1)
            some = list(islice(left, len(vectors)))
            for file in compress(some, block.unreadable):
                fault = fault_of(file.path)
                refuse_lost(file.path, fault.reason, may_go=True)
                why = str(fault).removeprefix(f"{printable(file.path)}: ")
                kind = Kind.LINK if leads_to_nothing(Path(file.path)) else Kind.UNREADABLE
                faults.append(LeftOut(file.path, why, kind))
            rows = zip(some, block.flat.tolist(), vectors, strict=True)
            # What cannot be read may be a pipe or a device, of which a digest is never done.
            part = list(compress(rows, ~block.unreadable))
            digests = pool.map(digest_if_unchanged, [file for file, *_ in part])
            for (file, *row), digest in zip(part, digests, strict=True):
                known[file] = Row(digest, *row)
            kept.keep_at_times(known)
    return faults


def _of_several(paths: Sequence[str], threads: int) -> list[str]:
    """Return files that have several pages or frames."""
    with ThreadPoolExecutor(threads) as pool:
        return [*compress(paths, pool.map(is_one_of_several, paths))]


def load_described(path: str | Path, model: Model, view: View) -> Collection:
    """Return what `iscqk describe` wrote. Files that are gone by now are told of.

    So are those that may not be read. They are matched all the same. `likely` rests on copies of
    them that are made from the files, or that an earlier call has kept.

    Raises:
        UserError: another encoder made it, or a file has changed since.
    """
    refuse_other_model(path, model, view)
    version = version_of(path)
    shards = listed_shards(path)
    parts: list[Part] = []
    changed: list[str] = []
    for shard in shards:
        found = read_described(shard, stored=len(shards) > 1)
        fates = np.array([*map(fate_of_asked, found.files, found.sha256)])
        is_changed = fates == Fate.CHANGED
        changed += [found.files[row].path for row in np.flatnonzero(is_changed).tolist()]
        parts.append(Part.of(found, fates == Fate.GONE, fates == Fate.BARRED))
    if changed:
        what = f"changed after {printable(path)} was written ({len(changed)} such images)"
        remedy = "run `iscqk describe` again, it does the changed ones only"
        raise UserError(f"{printable(changed[0])}: {what}; {remedy}")
    collection = Collection([Source(parts, Path(path), version)])
    barred = collection.barred
    _tell_absent(
        path, collection, ~(collection.there | barred), "are gone",
        "`likely` needs their disk, or the copies that an earlier call kept in its folder",
    )  # fmt: skip
    _tell_absent(
        path, collection, barred, "may not be read (Permission denied)",
        "nobody knows whether they have changed; make them and their folder readable, as `likely` "
        "needs them, or the copies that an earlier call kept in its folder",
    )  # fmt: skip
    return collection


def _tell_absent(
    path: str | Path, collection: Collection, are_absent: BoolArray, why: str, remedy: str
) -> None:
    """Tell of images that a file describes and nobody can look at."""
    rows = np.flatnonzero(are_absent)
    if len(rows):
        logger.warning(
            "%s: %d of its %d images %s, %s first; they are matched, and cannot be shown; %s",
            printable(path), len(rows), len(collection), why,
            printable(collection.paths(rows[:1])[0]), remedy,
        )  # fmt: skip


def warn_of_flat(found: Collection, told: int = _TOLD, what: str = "images") -> None:
    """Warn of images of one colour, `told` of them by name, of the others by `what` they are."""
    flat = np.flatnonzero(found.flat)
    for path in found.paths(flat[:told]):
        logger.warning("%s: of one colour; what it is likest to means nothing", printable(path))
    if len(flat) > told:
        logger.warning("%d %s are of one colour", len(flat), what)
