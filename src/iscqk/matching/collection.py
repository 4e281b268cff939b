"""Image files and their descriptors, described once and again only where a file has changed."""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.described import Described, File, read_described, write_described
from iscqk.images.collecting import find_images
from iscqk.images.opening import open_image
from iscqk.matching.model import Model

logger = logging.getLogger(__name__)

_TOLD = 10  # unreadable images that are told one by one


def find_files(places: Iterable[str | Path]) -> list[File]:
    """Return image files as they are now: those named, and all below the folders named, once each.

    Raises:
        UserError: there is no such file or folder, or a folder without an image.
    """
    paths: list[Path] = []
    for place in map(Path, places):
        if not place.exists():
            raise UserError(f"{place}: no such file or folder; correct its path")
        paths += find_images([place]) if place.is_dir() else [place]
    return [File.now(path) for path in dict.fromkeys(paths)]


def described(
    model: Model,
    side: str,
    places: Iterable[str | Path],
    cache: str | Path | None = None,
    threads: int = 1,
) -> Described:
    """Return files with their descriptors; those that cannot be read are logged and left out.

    Args:
        model: whose `side` describes them.
        side: `queries` or `references`.
        places: files and folders.
        cache: file of an earlier call. What it knows of unchanged files is taken from it, if the
            same encoder made it, and it is brought up to date.
        threads: to compute with.

    Raises:
        UserError: no image can be read, or as `find_files`.
    """
    files, digest = find_files(places), model.digest(side)
    known = _known(cache, side, digest)
    fresh = [file for file in files if file not in known]
    if known:
        logger.info("%d of %d images are in %s", len(files) - len(fresh), len(files), cache)
    vectors, unreadable = model.describe_readable([f.path for f in fresh], side, threads)
    _tell([file.path for file, wrong in zip(fresh, unreadable, strict=True) if wrong])
    known |= {f: v for f, v, wrong in zip(fresh, vectors, unreadable, strict=True) if not wrong}
    readable = [file for file in files if file in known]
    if not readable:
        raise UserError(f"{files[0].path}: no image can be read; see above, and name others")
    rows = np.stack([known[file] for file in readable])
    result = Described(readable, rows, side, digest)
    if cache is not None:
        write_described(cache, result)
    return result


def _known(cache: str | Path | None, side: str, digest: str) -> dict[File, np.ndarray]:
    """Return the descriptors of a cache by file; none where there is no cache of this encoder."""
    if cache is None or not Path(cache).exists():
        return {}
    old = read_described(cache)
    if (old.side, old.encoder) != (side, digest):
        logger.info("%s: of another model, made anew", cache)
        return {}
    return dict(zip(old.files, old.vectors, strict=True))


def load_described(path: str | Path, model: Model, side: str) -> Described:
    """Return what `iscqk describe` wrote. Files that are gone by now do no harm.

    Raises:
        UserError: another encoder made it, or a file has changed since.
    """
    found = read_described(path)
    if (found.side, found.encoder) != (side, model.digest(side)):
        raise UserError(f"{path}: of another model or side; run `iscqk describe` with this --model")
    changed = [file for file in found.files if _changed(file)]
    if changed:
        raise UserError(
            f"{changed[0].path}: changed after {path} was written ({len(changed)} such images); "
            "run `iscqk describe` again, it does the changed ones only"
        )
    return found


def _changed(file: File) -> bool:
    try:
        return File.now(file.path) != file
    except OSError:
        return False


def _tell(unreadable: list[str]) -> None:
    """Log why images cannot be read."""
    for path in unreadable[:_TOLD]:
        try:
            open_image(path)
        except UserError as error:
            logger.warning("%s", error)
    if unreadable:
        logger.warning("%d images cannot be read and are left out", len(unreadable))
