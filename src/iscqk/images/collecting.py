"""From folders of image files to the rows of a manifest."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iscqk.errors import UserError
from iscqk.formats.files import sha256_of
from iscqk.formats.ids import QUERY, REFERENCE, TRAINING, IdForm, StrArray
from iscqk.formats.manifest import COLUMNS
from iscqk.images.opening import open_image
from iscqk.logs import progress
from iscqk.workers import mapped

logger = logging.getLogger(__name__)

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


class SplitIds(NamedTuple):
    """The ids that a split's images may have."""

    form: IdForm
    numbers: range

    def own(self, stem: str) -> str | None:
        """Return a file's stem where it is one of these ids, else None."""
        if self.form.matches([stem])[0] and int(self.form.numbers([stem])[0]) in self.numbers:
            return stem
        return None


SPLITS = {
    "training": SplitIds(TRAINING, range(1_000_000)),
    "references": SplitIds(REFERENCE, range(1_000_000)),
    # Ours: the challenge has no such split.
    "others": SplitIds(IdForm("other", "O", 6), range(1_000_000)),
    "phase1": SplitIds(QUERY, range(50_000)),
    "phase2": SplitIds(QUERY, range(50_000, 100_000)),
}


def find_images(folders: Iterable[str | Path]) -> list[Path]:
    """Return all image files below `folders`, folder by folder, each sorted by path.

    Raises:
        UserError: a folder is missing, or holds no image.
    """
    found: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; put the images there or correct the config")
        images = sorted(
            p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()
        )
        if not images:
            kinds = " ".join(sorted(SUFFIXES))
            raise UserError(f"{folder}: an empty folder; put images there ({kinds})")
        found += images
    return found


def only_listed(paths: Sequence[Path], names: str | Path) -> list[Path]:
    """Return the images named in a list file, as the challenge's: the name of one in each line.

    Raises:
        UserError: there is no such file, or some image of it is not among `paths`.
    """
    try:
        listed = dict.fromkeys(Path(names).read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{names}: cannot read this list ({error}); correct its path") from None
    missing = listed.keys() - {path.stem for path in paths}
    if missing:
        raise UserError(
            f"{names}: lists {len(missing)} images that are not there, {min(missing)} first; "
            "unpack all archives, or remove the list to do without"
        )
    return [path for path in paths if path.stem in listed]


def refuse_graded(paths: Sequence[Path]) -> None:
    """Refuse training images that go by the name of a reference or query of the challenge.

    Raises:
        UserError: there is one.
    """
    stems: StrArray = np.array([path.stem for path in paths], dtype=np.str_)
    for form in (REFERENCE, QUERY):
        named = form.matches(stems)
        if named.any():
            raise UserError(
                f"{paths[int(np.argmax(named))]}: named as a {form.kind}; training on these is "
                f"against the rules, move it away or rename it ({named.sum()} such images)"
            )


def assign_ids(paths: Sequence[Path], split: SplitIds) -> list[str]:
    """Return an id for each path: its own where the file is named by one, else the lowest free.

    Raises:
        UserError: two files are named by the same id, or there are more files than ids.
    """
    owners: dict[str, Path] = {}
    for path in paths:
        own = split.own(path.stem)
        if own and owners.setdefault(own, path) != path:
            raise UserError(f"{path}: has the same id as {owners[own]}; rename one of them")
    if len(paths) > len(split.numbers):
        raise UserError(
            f"{len(paths)} {split.form.kind} images; there are {len(split.numbers)} ids"
        )
    free = (i for i in map(split.form.make, split.numbers) if i not in owners)
    return [split.own(path.stem) or next(free) for path in paths]


def manifest_of(paths: Sequence[Path], split: SplitIds, workers: int) -> pd.DataFrame:
    """Return manifest rows of `paths`; every image is decoded, so that none fails hours later.

    Raises:
        UserError: images that cannot be read; all of them are logged, the first is named.
    """
    ids = assign_ids(paths, split)
    looks = mapped(_look, paths, workers, 64)
    found = list(progress(looks, len(paths), "read images"))
    problems = [look for look in found if isinstance(look, str)]
    for problem in problems[1:]:  # the first is the error itself
        logger.error("%s", problem)
    if problems:
        others = f" (and {len(problems) - 1} more, all in the log)" if len(problems) > 1 else ""
        raise UserError(problems[0] + others)
    rows = [(i, str(p), *look) for i, p, look in zip(ids, paths, found, strict=True)]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("id", ignore_index=True)


def _look(path: Path) -> tuple[str, int, int] | str:
    """Return (sha256, width, height) of an image, or what is wrong with it."""
    try:
        width, height = open_image(path).size
        return sha256_of(path), width, height
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"{path}: {error.strerror}; make it readable or remove it"


def refuse_overlap(training: pd.DataFrame, others: pd.DataFrame, name: str) -> None:
    """Refuse images of `others` (the split called `name`) that are training images too.

    Raises:
        UserError: some file has the content of a training image.
    """
    both = training.merge(others, on="sha256")
    if len(both):
        first = both.iloc[0]
        raise UserError(
            f"{first.path_y}: has the content of the training image {first.path_x}; training on "
            f"{name} is against the rules, remove one of them ({len(both)} such pairs)"
        )
