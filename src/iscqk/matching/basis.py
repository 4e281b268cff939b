"""What `likely` rests on: copies of the very references, made and looked up on the spot."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iscqk.formats.ids import BoolArray
from iscqk.formats.image_index import ImageIndex
from iscqk.formats.image_shards import is_there
from iscqk.matching.chance import Chance, flagged, sample_size
from iscqk.matching.describing import describe_files
from iscqk.matching.model import Model
from iscqk.matching.neighbourhoods import LISTED, NOTHING, find_neighbourhoods
from iscqk.matching.views import View

DoubleArray = NDArray[np.float64]

SAMPLE = 500  # references of which copies are made at most
_FEW = 125  # of which they are made at least, so that some may be of no use
LEAST = 100  # of them: fewer show no tail
_ENOUGH = LISTED // 2  # references that have to be left when those of one picture are taken out
# Two references are one picture where they are nearer to each other than three of four edited
# copies are to their originals.
_SAME = 0.75


class Basis(NamedTuple):
    """From what it is known which pairs are likely copies.

    Attributes:
        references: how many there are.
        copies: that were made of some of them; their leads where the original is there, (k,), or
            -inf where something else is nearer.
        chance: learned from the same copies where it is not; None: there is no basis.
        same: similarity from which two references are one picture.
        missing: why there is no basis, "" where there is one.
    """

    references: int
    copies: DoubleArray
    chance: Chance | None
    same: float
    missing: str = ""

    def judged(self, found: DoubleArray, is_flat: BoolArray) -> tuple[DoubleArray, BoolArray]:
        """Return chances (n, m) of leads (n, m), and which are those of likely copies.

        Args:
            found: of the nearest references of n queries, the nearest first.
            is_flat: (n, m) where an image is of one colour, of which nothing is known.
        """
        assert self.chance is not None
        chances = np.where(is_flat, 1.0, self.chance.of(found))
        first = chances[~is_flat[:, 0], 0]
        return chances, chances <= first[flagged(first)].max(initial=-1.0)

    def told(self) -> str:
        """Return it in a line."""
        if self.chance is None:
            return f"none, {self.missing}"
        found = flagged(self.chance.of(self.copies)).mean()
        return (
            f"{len(self.copies):,} edited copies of the {self.references:,} references, "
            f"{found:.0%} of which would be called likely"
        )


def find_basis(
    model: Model,
    references: ImageIndex,
    queries: int,
    threads: int = 1,
    orientations: int = 1,
    cache: str | Path | None = None,
) -> Basis:
    """Make copies of some references, and look them up with and without their originals.

    Args:
        model: which describes them.
        references: what may have been copied.
        queries: how many are to be judged: the fewer, the fewer copies it takes.
        threads: to compute with.
        orientations: of the queries.
        cache: file that keeps the copies' descriptors for the next call.
    """
    wanted = min(max(_FEW, sample_size(queries)), SAMPLE)
    found = _of_copies(wanted, model, references, threads, orientations, cache)
    if found.chance is None and wanted < SAMPLE:  # more may show what these did not
        found = _of_copies(SAMPLE, model, references, threads, orientations, cache)
    return found


def _of_copies(
    wanted: int,
    model: Model,
    references: ImageIndex,
    threads: int,
    orientations: int,
    cache: str | Path | None,
) -> Basis:
    """Return the basis of copies of `wanted` references, of all where there are fewer."""
    count = len(references.files)
    rows = _sample(references, wanted)
    if len(rows) < LEAST:
        what = "too few references" if count < LEAST else "too few of the references' images left"
        return _none(count, f"{what} to tell copies from chance, {len(rows)} of at least {LEAST}")
    paths = [Path(references.files[row].path) for row in rows]
    view = View("queries", orientations, edited=True)
    copies = describe_files(model, view, paths, cache, threads)
    row_of = {str(path): row for path, row in zip(paths, rows, strict=True)}
    own = np.array([row_of[file.path] for file in copies.files])
    return _learned(model, copies, references, own, threads, orientations)


def _none(references: int, missing: str) -> Basis:
    return Basis(references, np.empty(0), None, 1.0, missing)


def _sample(references: ImageIndex, wanted: int) -> list[int]:
    """Return rows of references that are there and not of one colour, at random."""
    order = np.random.default_rng(0).permutation(np.flatnonzero(~references.flat)).tolist()
    there = (row for row in order if is_there(references.files[row].path))
    return sorted(row for row, _ in zip(there, range(wanted), strict=False))


def _learned(
    model: Model,
    copies: ImageIndex,
    references: ImageIndex,
    own: NDArray[np.int64],
    threads: int,
    orientations: int,
) -> Basis:
    """Learn from copies of the references in rows `own`."""
    near = find_neighbourhoods(model, copies, references, LISTED, threads, orientations)
    originals, vectors = near.references == own[:, None], references.vectors
    if originals.any(1).mean() < 0.5:
        return _none(len(references.files), "the model finds too few of the copies made of them")
    same = float(np.quantile(np.where(originals, near.similarities, -2).max(1), _SAME))
    found = np.where(originals[:, 0], near.leads(vectors, same)[:, 0], -np.inf)
    others = find_neighbourhoods(
        model, copies, references, 2 * LISTED, threads, orientations, left_out=own
    )
    alike = np.einsum("nmd,nd->nm", vectors[others.references], vectors[own]) >= same
    others = others.without(alike | (others.similarities >= same))
    enough = (others.references != NOTHING).sum(1) >= _ENOUGH
    if enough.sum() < LEAST:
        return _none(len(references.files), "nearly all references are copies of each other")
    chance = Chance.of_sample(others.leads(vectors, same)[enough, 0])
    return Basis(len(references.files), found, chance, same)
