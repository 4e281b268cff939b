"""The leads of edited copies, by their originals and by chance: what `likely` is learned from."""

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray, IntArray
from iscqk.formats.stored_rows import JoinedRows
from iscqk.matching.chance import NEIGHBOUR, outlying
from iscqk.matching.collection import NOTHING
from iscqk.matching.copied import are_others
from iscqk.matching.neighbourhoods import LISTED, MOST_FILES, Further, Lookup, Neighbourhoods
from iscqk.retrieval.search import Vectors

LEAST = 100  # pictures that are needed: fewer show no tail
_ENOUGH = LISTED // 2  # references that have to be left when those of one picture are taken out
# Two references are one picture where they are nearer to each other than three of four edited
# copies are to their originals.
_SAME = 0.75
# Copies beside which a further file of their picture is left are told where so many seem to be; of
# fewer `Chance` takes care, as look-alikes may seem so, too.
_VERSIONS, _ROUNDS = 0.3, 8
_LEAST_FOUND = 0.5  # share of the copies that have their originals among the nearest


def with_originals(
    lookup: Lookup, copies: Vectors, vectors: JoinedRows, own: IntArray
) -> tuple[float, int, DoubleArray] | None:
    """Return from where two references are one picture, how many files it has, and leads.

    The leads (k,) are of copies by their originals, -inf where another picture is nearer. None
    where too few originals are found.
    """
    # As few copies as are made are one block.
    ((_, near, further),) = lookup.blocks(copies, LISTED)
    originals = near.references == own[:, None]
    if originals.any(1).mean() < _LEAST_FOUND:
        return None
    same = float(np.quantile(np.where(originals, near.similarities, -2).max(1), _SAME))
    first = np.einsum("nd,nd->n", vectors[near.references[:, 0]], vectors[own])
    is_found = originals[:, 0] | (first >= same)  # another file of the picture does as well
    files = _files(lookup, vectors, own, same)
    leads = near.leads(vectors, same, further, files=files)[:, 0]
    return same, files, np.where(is_found, leads, -np.inf)


def _files(lookup: Lookup, vectors: JoinedRows, own: IntArray, same: float) -> int:
    """Return in how many files a picture may be, by the pictures of which copies are made.

    As half of these are: fewer may be kinds of image, each of which counts once here.
    """
    drawn = vectors[own]
    pictures = drawn[are_others(drawn, drawn[:0], same)]
    pictures = pictures[:: max(1, len(pictures) // LEAST)]
    near = 1 - lookup.search(pictures, LISTED, lookup.threads).squared_distance / 2
    alike = (near >= same).reshape(len(pictures), -1).sum(1)
    return int(np.clip(np.median(alike), NEIGHBOUR, MOST_FILES))


def without_originals(
    lookup: Lookup, copies: Vectors, vectors: JoinedRows, own: IntArray, same: float, files: int
) -> DoubleArray | None:
    """Return the leads (m,) of copies by the nearest reference of another picture.

    Of copies beside which enough other pictures are left; None where these are too few.
    """
    ((_, every, further),) = lookup.blocks(copies, 2 * LISTED, own)
    others = _of_other_pictures(every, vectors, own, same)

    def look(rows: IntArray, count: int) -> Neighbourhoods:
        return _of_other_pictures(further.look(rows, count), vectors, own[rows], same)

    enough = (others.references != NOTHING).sum(1) >= _ENOUGH
    if enough.sum() < LEAST:
        return None
    rest, seen = _without_versions(others, vectors, enough, same, files)
    if seen.sum() < LEAST:
        return None
    whole = seen & (rest.references == others.references).all(1)  # of which more can be looked at
    leads = others.leads(vectors, same, Further(further.vectors, look), whole, files)[:, 0]
    fewer, listed = np.flatnonzero(seen & ~whole), rest.references.shape[1]
    leads[fewer] = rest.part(fewer, listed).leads(vectors, same, files=files)[:, 0]
    return leads[seen]


def _without_versions(
    near: Neighbourhoods, vectors: JoinedRows, enough: BoolArray, same: float, files: int
) -> tuple[Neighbourhoods, BoolArray]:
    """Return neighbourhoods of copies without further files of their pictures, and what has enough.

    A thumbnail is often further from its original than `same`, and nearest to an edited copy of it.
    """
    listed = near.references.shape[1]
    for _ in range(_ROUNDS):
        rows = np.flatnonzero(enough)
        if len(rows) < LEAST:
            break
        begin = outlying(near.part(rows, listed).leads(vectors, same, files=files))
        if begin.mean() < _VERSIONS:
            break
        rows, gone = rows[begin], np.zeros(near.references.shape, np.bool_)
        beside = vectors[near.references[rows]]
        gone[rows] = np.einsum("nmd,nd->nm", beside, beside[:, 0]) >= same
        gone[rows, 0] = True
        near = near.without(gone)
        enough = enough & ((near.references != NOTHING).sum(1) >= _ENOUGH)
    return near, enough


def _of_other_pictures(
    near: Neighbourhoods, vectors: JoinedRows, own: IntArray, same: float
) -> Neighbourhoods:
    """Return neighbourhoods of copies without what is the picture of their originals (n,)."""
    alike = np.einsum("nmd,nd->nm", vectors[near.references], vectors[own]) >= same
    return near.without(alike | (near.similarities >= same))
