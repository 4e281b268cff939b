"""The challenge's own images, DISC21, under all the names that they go by."""

import glob
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iscqk.errors import UserError
from iscqk.images.dataset_interface import (
    Given,
    Source,
    Sources,
    existing_folders,
    named_lists,
    scored_halves,
)
from iscqk.images.suffixes import PACKED

# Names under which DISC21 went around: the competition's bucket, the archives released after it and
# the folders in them, and the mirrors'. The first that exists is taken, wherever it lies; a pattern
# takes all that it matches.
_FOLDERS = {
    "training": ["training_images", "train_50k_*", "train_*", "training", "train"],
    "references": ["reference_images", "refs_50k_*", "references_*", "references", "refs"],
    "phase1": ["query_images", "dev_queries_50k_*", "dev_queries", "queries"],
    "phase2": [
        "query_images_phase2",
        "phase2_query_images",
        "test_queries_50k_*",
        "test_queries",
        "final_queries",
    ],
}
_GROUND_TRUTH = {
    "phase1": [
        "dev_queries_groundtruth.csv",
        "dev_ground_truth.csv",
        "public_ground_truth.csv",  # of the competition; lists the public half only
        "list_files/public_ground_truth.csv",
    ],
    "phase2": ["test_queries_groundtruth.csv", "final_ground_truth.csv"],
}
# The challenge's evaluator, and what the archives unpack to, have the images in a folder of this
# name and all else beside it.
_IMAGES = "images"
_ARCHIVES = {*PACKED, ".tar", ".part"}  # the last is of one that is not all here
# What the challenge's evaluator had in its folder of that name; taken where they are.
_LISTS = {
    "training": "list_files/train",
    "references": "list_files/references",
    "phase1": "list_files/dev_queries",
}


def _find(dataset: Mapping[str, Any]) -> Sources:
    if "root" not in dataset:
        raise UserError("config: dataset.root: missing; name the folder that DISC21 lies in")
    root = Path(existing_folders("root", dataset["root"])[0])
    found = {part: _first([root, root / _IMAGES], part, names) for part, names in _FOLDERS.items()}
    beside = _beside_images(root)
    truths = {
        phase: _first(beside, f"{phase} ground truth", names)[0]
        for phase, names in _GROUND_TRUTH.items()
    }
    halves = {phase: scored_halves(truth) for phase, truth in truths.items()} | {"phase2": ()}
    given = {phase: Given(found[phase], truths[phase], halves[phase]) for phase in truths}
    lists = {
        split: str(place / name)
        for split, name in _LISTS.items()
        for place in reversed(beside)
        if os.path.isfile(place / name)
    }
    lists |= named_lists(dataset)
    return Sources(found["training"], found["references"], [], given, lists)


def _beside_images(root: Path) -> list[Path]:
    """Return where ground truths and lists lie: beside the images where the root is these alone."""
    is_images = Path(os.path.abspath(root)).name == _IMAGES
    return [root, Path(os.path.normpath(root / ".."))] if is_images else [root]


def _first(places: list[Path], part: str, names: list[str]) -> list[str]:
    """Return all that the first of `names` that matches anything matches in any of `places`.

    Of folders that were unpacked to several places none is left out. Two of one name that hold the
    same images are told where these are listed.
    """
    wants_file = names[0].endswith(".csv")
    for name in names:
        there = [match for place in places for match in _matches(place, name)]
        if found := [str(path) for path in there if path.is_file() == wants_file]:
            unpacked = {Path(path).name for path in found}
            for archive in _archives(places, name):
                if _unpacked(archive.name) not in unpacked:
                    what = f"not unpacked, as {found[0]} is; unpack it or move it away"
                    raise UserError(f"{archive}: {what}")
            return found
    for archive in (archive for name in names for archive in _archives(places, name)):
        raise UserError(f"{archive}: not unpacked, and {part} is nowhere else; unpack it")
    called = f"DISC21 calls it one of {', '.join(names)}"
    raise UserError(f"{' and '.join(map(str, places))}: no {part}; {called}; put it there")


def _matches(place: Path, name: str) -> list[Path]:
    """Return what a name matches in a place, in order, but for archives."""
    found = [place / match for match in sorted(glob.glob(name, root_dir=place))]
    return [path for path in found if not _is_archive(path)]


def _archives(places: list[Path], name: str) -> list[Path]:
    """Return the archives of what has this name, or is to have it."""
    found = [place / match for place in places for match in glob.glob(f"{name}.*", root_dir=place)]
    return sorted(filter(_is_archive, found))


def _is_archive(path: Path) -> bool:
    return path.is_file() and _unpacked(path.name) != path.name


def _unpacked(name: str) -> str:
    """Return what is in an archive by its name, itself where it is named as none."""
    stem, suffix = os.path.splitext(name)
    return _unpacked(stem) if suffix.lower() in _ARCHIVES else name


def _known(dataset: Mapping[str, Any]) -> Mapping[str, int]:
    return {"training": 1_000_000, "references": 1_000_000, "queries": 50_000}


SOURCE = Source(
    "the challenge's",
    _find,
    _known,
    takes=("root", "lists"),
    official=True,
    gives_queries=True,
    has_halves=True,
)
