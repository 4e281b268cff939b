"""Image files and their descriptors, described once and again only where a file has changed."""

import contextlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.files import exclusive, printable
from iscqk.formats.image_index import File, ImageIndex, Row, read_image_index
from iscqk.formats.image_shards import is_there
from iscqk.images.opening import open_image
from iscqk.matching.cache import DescriptorCache, content_of
from iscqk.matching.inputs import Identity, identity
from iscqk.matching.model import Model
from iscqk.matching.views import View

logger = logging.getLogger(__name__)

_TOLD = 10  # images of a kind that are told one by one


def describe_files(
    model: Model,
    view: View,
    images: Sequence[Path],
    cache: str | Path | None = None,
    threads: int = 1,
) -> ImageIndex:
    """Return files with their descriptors; those that cannot be read are logged and left out.

    Args:
        model: which describes them.
        view: how they are looked at; with several orientations an image's row has all of them, one
            after the other.
        images: files, one at least.
        cache: file of an earlier call. What it knows of unchanged files, or of files of the same
            content, is taken from it, if the same encoder made it, and it is brought up to date.
        threads: to compute with.

    Raises:
        UserError: no image can be read, or the cache cannot be written.
    """
    with exclusive(cache) if cache else contextlib.nullcontext():
        kept = DescriptorCache(cache, view.side, view.digest(model))
        files = list(map(_as_it_is, images))
        known = kept.find(files)
        if known:
            logger.info("%d of %d images are in %s", len(known), len(files), cache)
        fresh = [file for file in files if file not in known]
        with kept.keeping(known):
            _describe(model, view, fresh, threads, kept, known)
        _tell([file.path for file in fresh if file not in known])
        if not known:
            raise UserError(f"{files[0].path}: no image can be read; see above, and name others")
        result = ImageIndex.of({f: known[f] for f in files if f in known}, view.side, kept.encoder)
        kept.finish(result)
    return result


def _as_it_is(path: Path) -> File:
    """Return a file as it is now; what cannot be looked at is told when it is opened."""
    try:
        return File.now(path)
    except OSError:
        return File(str(path), 0, 0, 0, 0)


def _describe(
    model: Model,
    view: View,
    files: Sequence[File],
    threads: int,
    kept: DescriptorCache,
    known: dict[File, Row],
) -> None:
    """Add to `known` what can be read of files."""
    left = iter(files)
    with ThreadPoolExecutor(threads) as pool:
        for block in view.blocks(model, [file.path for file in files], threads):
            part = [next(left) for _ in block.flat]
            digests = pool.map(content_of, part)
            vectors = block.vectors.reshape(len(part), -1)
            rows = zip(part, digests, block.flat.tolist(), vectors, strict=True)
            for wrong, (file, *row) in zip(block.unreadable.tolist(), rows, strict=True):
                if not wrong:
                    known[file] = Row(*row)
            kept.keep_at_times(known)


def load_index(path: str | Path, model: Model, view: View) -> ImageIndex:
    """Return what `iscqk describe` wrote. Files that are gone by now are told of and do no harm.

    Raises:
        UserError: another encoder made it, or a file has changed since.
    """
    found = read_image_index(path)
    if found.encoder != view.digest(model):
        if found.side != view.side:
            what = f"describes {found.side}, and {view.side} are needed"
            raise UserError(f"{printable(path)}: {what}; run `iscqk describe --side {view.side}`")
        if found.encoder == model.digest(view.side):
            what = f"of images as they are, and {view.orientations} orientations are asked for"
            raise UserError(f"{printable(path)}: {what}; name the images themselves")
        raise UserError(
            f"{printable(path)}: of another model or side; run `iscqk describe` with this --model"
        )
    there = [(row, file) for row, file in enumerate(found.files) if is_there(file.path)]
    changed = [file for row, file in there if not file.is_unchanged(found.sha256[row])]
    if changed:
        what = f"changed after {printable(path)} was written ({len(changed)} such images)"
        remedy = "run `iscqk describe` again, it does the changed ones only"
        raise UserError(f"{printable(changed[0].path)}: {what}; {remedy}")
    gone = len(found.files) - len(there)
    if gone:
        kept = {file.path for _, file in there}
        first = next(file.path for file in found.files if file.path not in kept)
        logger.warning(
            "%s: %d of its %d images are gone, %s first; they are matched, and cannot be shown",
            printable(path), gone, len(found.files), printable(first),
        )  # fmt: skip
    return found


def concatenated(parts: Sequence[ImageIndex]) -> ImageIndex:
    """Return several sets of one side as one, each file once."""
    files = [file for part in parts for file in part.files]
    first: dict[Identity, int] = {}
    for row, file in enumerate(files):
        first.setdefault(identity(file.path), row)
    rows = list(first.values())
    sha256 = [digest for part in parts for digest in part.sha256]
    return ImageIndex(
        [files[row] for row in rows],
        [sha256[row] for row in rows],
        np.concatenate([part.flat for part in parts])[rows],
        np.concatenate([part.vectors for part in parts])[rows],
        parts[0].side,
        parts[0].encoder,
    )


def warn_of_flat(found: ImageIndex) -> None:
    """Warn of images of one colour, by name."""
    flat = [found.files[row].path for row in np.flatnonzero(found.flat).tolist()]
    for path in flat[:_TOLD]:
        logger.warning("%s: of one colour; what it is likest to means nothing", printable(path))
    if len(flat) > _TOLD:
        logger.warning("%d images are of one colour", len(flat))


def _tell(unreadable: list[str]) -> None:
    """Log why images cannot be read."""
    for path in unreadable[:_TOLD]:
        try:
            open_image(path)
        except UserError as error:
            logger.warning("%s", error)
    if unreadable:
        logger.warning("%d images cannot be read and are left out", len(unreadable))
