"""A query set, as a folder.

Which of its files hold what:

    phase1/, phase2/            the queries, JPEG, named by id
    ground_truth_{phase}.csv    query_id,reference_id, the reference empty for a distractor
    edits.csv                   query_id,edits: the classes of a query's edits, joined by `;`
    references/                 links to the references, or what lies in shards, named by id
    paths_of_references.csv     path,sha256: of each, in the order of their ids
    paths_of_others.csv         path,sha256: of the distractors' sources
    files.csv                   path,sha256: of each other file in the folder
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.arrays import StrArray
from iscqk.formats.csv_tables import read_table, write_table
from iscqk.formats.files import atomic_folder, sha256_of
from iscqk.formats.ground_truth import (
    NO_IMAGE,
    GroundTruth,
    read_ground_truth,
    write_ground_truth,
)
from iscqk.formats.ids import REFERENCE
from iscqk.formats.listed import Listed
from iscqk.formats.phases import PHASES
from iscqk.formats.printable_names import printable
from iscqk.formats.query_edits import read_query_edits, write_query_edits
from iscqk.images.verified import put_verified

REFERENCES, OTHERS = "references", "others"
_FILES = "files.csv"
_LISTED = ["path", "sha256"]


class Query(NamedTuple):
    """A query to make: its id, the image that is edited, its reference's id or "", its chain."""

    id: str
    phase: str
    source: Listed
    reference: str
    chain: list[str]


class PhaseOfSet(NamedTuple):
    """The queries of a phase, by path and id, and what is true of them."""

    paths: list[str]
    ids: StrArray
    ground_truth: GroundTruth


class SetFolder(NamedTuple):
    """What a folder holds.

    Attributes:
        references: paths of all references.
        reference_ids: of each.
        phases: by name.
        classes: for each class of edit the queries that it helped to make.
    """

    references: list[str]
    reference_ids: StrArray
    phases: dict[str, PhaseOfSet]
    classes: dict[str, StrArray]


def write_set(
    folder: Path, queries: Sequence[Query], images: Iterable[bytes], references: Sequence[Listed]
) -> None:
    """Write a set whose queries are images in the same order.

    Raises:
        UserError: the folder holds something already, or cannot be written; a reference is not what
            was listed.
    """
    with atomic_folder(folder) as temporary:
        for name in (*PHASES, REFERENCES):
            (temporary / name).mkdir()
        for query, image in zip(queries, images, strict=True):
            (temporary / query.phase / f"{query.id}.jpg").write_bytes(image)
        for number, path in enumerate(references):
            name = f"{REFERENCE.make(number)}{Path(path).suffix}"
            put_verified(path, temporary / REFERENCES / name)
        for phase in PHASES:
            truth = _ground_truth([query for query in queries if query.phase == phase])
            write_ground_truth(_truth_of(temporary, phase), truth)
        write_query_edits(temporary / "edits.csv", {query.id: query.chain for query in queries})
        others = [query.source for query in queries if not query.reference]
        for name, paths in ((REFERENCES, references), (OTHERS, others)):
            rows = ((path, path.sha256) for path in paths)
            write_table(temporary / _paths_of(name), pd.DataFrame(rows, columns=_LISTED))
        files = sorted(path for path in temporary.rglob("*") if path.is_file())
        sums = [(path.relative_to(temporary).as_posix(), sha256_of(path)) for path in files]
        write_table(temporary / _FILES, pd.DataFrame(sums, columns=_LISTED))


def _ground_truth(queries: Sequence[Query]) -> GroundTruth:
    pairs = np.array([(query.id, query.reference) for query in queries], dtype=np.str_)
    copies = pairs[:, 1] != ""
    return GroundTruth(pairs[copies, 0], pairs[copies, 1], pairs[~copies, 0])


def _truth_of(folder: Path, phase: str) -> Path:
    return folder / f"ground_truth_{phase}.csv"


def _paths_of(name: str) -> str:
    return f"paths_of_{name}.csv"


def read_set(folder: Path) -> SetFolder:
    """Return what a folder holds.

    Raises:
        UserError: it is no query set, or has lost or changed a file, or its files do not fit each
            other.
    """
    written = _written(folder)
    _refuse_changed(folder, written)
    references, reference_ids = _images(folder, written, REFERENCES)
    phases = {}
    for phase in PHASES:
        paths, ids = _images(folder, written, phase)
        truth = read_ground_truth(_truth_of(folder, phase), ids, reference_ids, NO_IMAGE)
        phases[phase] = PhaseOfSet(paths, ids, truth)
    return SetFolder(references, reference_ids, phases, read_query_edits(folder / "edits.csv"))


def _images(folder: Path, written: Iterable[str], name: str) -> tuple[list[str], StrArray]:
    """Return the images that were written to one of its folders, and their ids."""
    found = sorted(folder / path for path in written if path.startswith(f"{name}/"))
    return [str(path) for path in found], np.array([path.stem for path in found], dtype=np.str_)


def read_sources(folder: Path, name: str) -> set[Listed]:
    """Return the `references` or the `others` that a set has taken, wherever they are by now.

    Raises:
        UserError: the folder is no query set, or has lost or changed the list of these.
    """
    _refuse_changed(folder, {_paths_of(name): _written(folder).get(_paths_of(name), "")})
    return set(_listed(folder / _paths_of(name)))


def _written(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that was written to a set, by its path in it."""
    try:
        return {str(path): path.sha256 for path in _listed(folder / _FILES)}
    except UserError as error:
        what = "name a folder of `iscqk validation-queries`, or make it anew"
        raise UserError(f"{error}; {what}") from None


def _listed(path: Path) -> list[Listed]:
    rows = read_table(path, _LISTED)
    return [Listed(*row) for row in zip(rows["path"], rows["sha256"], strict=True)]


def _refuse_changed(folder: Path, written: Mapping[str, str]) -> None:
    """Refuse a set of which a file is gone or holds something else: it would score otherwise."""
    for name, sha256 in written.items():
        path = folder / name
        try:
            what = "" if sha256_of(path) == sha256 else "not what was written to this query set"
        except OSError as error:
            what = error.strerror or str(error)
        if what:
            raise UserError(f"{printable(path)}: {what}; remove the set and make it again")
