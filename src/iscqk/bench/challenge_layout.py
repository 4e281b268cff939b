"""Any images laid out as the challenge's archives unpack, to rehearse with pixels.

    train_50k_*, refs_50k_*              folders, or tar files, of so many images each, named by id
    dev_queries_50k_0, test_queries_50k_0
    dev_queries_groundtruth.csv, test_queries_groundtruth.csv    positives only, without a header
    list_files/train, references, dev_queries                    an image's name in each line

Of the queries of phase 1 those of the second half, by number, get ids of the private half.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from iscqk.formats.files import atomic_folder, write_text
from iscqk.formats.ground_truth import read_ground_truth
from iscqk.formats.ids import QUERIES_PER_HALF, QUERY, phase_of
from iscqk.formats.image_shards import SUFFIX, writing_images
from iscqk.formats.listed import Listed
from iscqk.formats.manifest import image_paths, read_manifest
from iscqk.formats.results import Data, Phase
from iscqk.images.verified import put_verified, verified_bytes_of

QUERIES = {"phase1": "dev_queries", "phase2": "test_queries"}
_SPLITS = {"training": "train", "references": "refs"}
_LISTS = {"training": "train", "references": "references"}


class _Image(NamedTuple):
    """The id that an image is to have, and where it lies."""

    id: str
    path: Listed


def lay_out(data: Data, output: Path, at_once: int, tars: bool) -> None:
    """Write the folder.

    Args:
        data: manifests of all splits, both phases and their ground truths.
        output: a new folder. Images in folders are linked to, those in tar files written.
        at_once: images of a split in one of its folders.
        tars: whether tar files take the place of folders.

    Raises:
        UserError: there is something in the folder already, a file of `data` is none of these, or
            an image is not what was listed.
    """
    with atomic_folder(output) as folder:
        for split, name in _SPLITS.items():
            images = list(_images(data.manifest(split)))
            _write_list(folder, _LISTS[split], images)
            for number, first in enumerate(range(0, len(images), at_once)):
                some = images[first : first + at_once]
                _write_images(folder / f"{name}_50k_{number}", some, tars)
        for phase, name in QUERIES.items():
            _lay_out_phase(Phase(data.file(phase)), folder, name, tars)


def _lay_out_phase(phase: Phase, folder: Path, name: str, tars: bool) -> None:
    images = list(_images(phase.queries))
    official = _official_ids([image.id for image in images])
    renamed = [_Image(official[image.id], image.path) for image in images]
    _write_images(folder / f"{name}_50k_0", renamed, tars)
    if name == QUERIES["phase1"]:
        _write_list(folder, name, renamed)
    truth = read_ground_truth(phase.ground_truth, official)
    pairs = zip(truth.query_ids, truth.reference_ids, strict=True)
    lines = (f"{official[query]},{reference}\n" for query, reference in pairs)
    write_text(folder / f"{name}_groundtruth.csv", "".join(lines))


def _official_ids(ids: list[str]) -> dict[str, str]:
    """Return new ids by those that queries have, so that phase 1 has two halves."""
    first = [query for query in ids if phase_of(query) == "phase1"]
    private = first[len(first) // 2 :] if all(QUERY.numbers(first) < QUERIES_PER_HALF) else []
    moved = {query: QUERY.make(QUERIES_PER_HALF + n) for n, query in enumerate(private)}
    return {query: moved.get(query, query) for query in ids}


def _images(manifest: str) -> Iterator[_Image]:
    rows = read_manifest(manifest)
    for image, path in zip(rows["id"], image_paths(rows), strict=True):
        if path is not None:
            yield _Image(image, path)


def _write_list(folder: Path, name: str, images: Iterable[_Image]) -> None:
    write_text(folder / "list_files" / name, "".join(f"{image.id}\n" for image in images))


def _write_images(folder: Path, images: Iterable[_Image], tars: bool) -> None:
    named = [(f"{image.id}{Path(image.path).suffix}", image.path) for image in images]
    if tars:
        with writing_images(f"{folder}{SUFFIX}") as put:
            for name, path in named:
                put(name, verified_bytes_of(path))
        return
    folder.mkdir()
    for name, path in named:
        put_verified(path, folder / name)
