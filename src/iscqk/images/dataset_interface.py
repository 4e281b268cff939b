"""What a source of images is; `iscqk.datasets` has them all."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from iscqk.errors import UserError
from iscqk.formats.named_files import on_disk
from iscqk.formats.phases import HALVES, PHASES
from iscqk.formats.results import SPLITS

RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")  # of files, as {000..019}
NAMED = (*SPLITS, *PHASES, "lists")  # keys that `find_named` reads


class Given(NamedTuple):
    """A phase's queries that the user has, and the halves of it that are scored on their own."""

    queries: list[str]
    ground_truth: str
    halves: tuple[str, ...] = ()


class Sources(NamedTuple):
    """Where images come from; a phase that is not in `phases` has its queries made.

    Images lie in folders or in shards (`formats.image_shards`). A split or phase that is in `lists`
    has only the images whose names that file lists.
    """

    training: list[str]
    references: list[str]
    others: list[str]
    phases: dict[str, Given]
    lists: dict[str, str]


@dataclass(frozen=True)
class Source:
    """A source of images.

    Attributes:
        comment: what images these are, for the comment on `dataset.kind`.
        find: the `dataset` section to where its images lie; UserError where something is missing.
        known: likewise to how many images there will be, by split, and `queries` in a phase; empty
            where only a look at them tells.
        watched: whether its images, or their shards, are looked at in every start, for changes;
            those of the demo are made by a rule, and DISC21's millions never change.
        takes: the keys of the section that say where its images are; None: any.
        drawn: whether the project draws the images, so that nothing of others goes into weights.
        official: whether each image has to be named by the challenge's id of it.
        gives_queries: whether it has the queries of every phase; otherwise it has those of phases
            that the section names, and the rest are made.
        has_halves: whether phase 1 is of halves that are scored on their own, too.
    """

    comment: str
    find: Callable[[Mapping[str, Any]], Sources]
    known: Callable[[Mapping[str, Any]], Mapping[str, int]] = lambda dataset: {}
    watched: bool = False
    takes: tuple[str, ...] | None = None
    drawn: bool = False
    official: bool = False
    gives_queries: bool = False
    has_halves: bool = False

    @property
    def naming_options(self) -> str:
        """The option by which images that are named otherwise are refused, if they are to be."""
        return "--official" if self.official else ""


def find_named(
    dataset: Mapping[str, Any],
    places: Callable[[str, str | list[str]], list[str]],
    file: Callable[[str, str], str],
    lists: dict[str, str],
) -> Sources:
    """Return where images lie by a `dataset` section that names every split, and phases if it will.

    Args:
        dataset: the section.
        places: a key and what it says to folders or shards; UserError where these will not do.
        file: likewise of a file.
        lists: the list files.

    Raises:
        UserError: a split is not named, or a ground truth that is here is none.
    """
    given = {
        phase: Given(
            places(f"{phase}.queries", dataset[phase]["queries"]),
            file(f"{phase}.ground_truth", dataset[phase]["ground_truth"]),
        )
        for phase in PHASES
        if phase in dataset
    }
    for phase in given.values():
        if os.path.isfile(phase.ground_truth):  # not in a storage
            scored_halves(phase.ground_truth)
    for name in SPLITS:
        if name not in dataset and not (name == "others" and len(given) == len(PHASES)):
            raise UserError(f"config: dataset.{name}: missing; name where these images lie")
    training, references = (places(name, dataset[name]) for name in ("training", "references"))
    others = places("others", dataset["others"]) if "others" in dataset else []
    return Sources(training, references, others, given, lists)


def scored_halves(ground_truth: str) -> tuple[str, ...]:
    """Return the halves of phase 1 of which a ground truth has a true pair: these can be scored.

    Raises:
        UserError: it cannot be read, or has no true pair at all.
    """
    from iscqk.formats.ground_truth import read_ground_truth, refuse_no_pair  # needs pandas

    truth = read_ground_truth(ground_truth)
    refuse_no_pair(ground_truth, truth)
    return tuple(half for half in HALVES if len(truth.of_half(half)))


def named_lists(dataset: Mapping[str, Any]) -> dict[str, str]:
    """Return the list files that a `dataset` section names; UserError where one is missing."""
    return {
        name: existing_file(f"lists.{name}", path)
        for name, path in dataset.get("lists", {}).items()
    }


def existing_folders(name: str, folders: str | list[str]) -> list[str]:
    """Return the folders of a key of the section; UserError where one is missing."""
    folders = [*map(on_disk, [folders] if isinstance(folders, str) else folders)]
    for folder in folders:
        if RANGE.search(folder):
            what = "is a range, as which only .tar files are named (kind: shards)"
            raise UserError(f"config: dataset.{name}: {folder} {what}; name each folder")
        if {"{", "}"} & set(folder):
            what = "has a brace in its name, a wildcard to Snakemake; rename that folder"
            raise UserError(f"config: dataset.{name}: {folder} {what}")
        if not os.path.isdir(folder):
            raise UserError(
                f"config: dataset.{name}: no folder {folder} (seen from {Path.cwd()}); "
                "put the images there or correct the path"
            )
    return [_no_option(folder) for folder in folders]


def _no_option(path: str) -> str:
    """Return a path that no command takes for an option."""
    return f"./{path}" if path.startswith("-") else path


def existing_file(name: str, path: str) -> str:
    """Return the file of a key of the section; UserError where it is missing."""
    path = on_disk(path)
    if not os.path.isfile(path):
        raise UserError(f"config: dataset.{name}: no file {path}; put it there or correct the path")
    return _no_option(path)
