"""How often chance alone finds a reference as near as a query's nearest is, and what that leaves.

Similarities of different images cannot be compared as they are: a picture of the sky is like many
others. What tells a copy is that one reference is much nearer to it than the next ones are. That is
the *lead* of a reference: log(D / d), of its own squared distance d and that of the fifth nearest
picture, D, where a picture that is among the references a few times counts once.

What leads images have that copy nothing is seen from samples: some references, and edited copies
of them, each looked up where its original is taken out. Beyond what a sample shows the tail is
taken for exponential, as it is where as many references lie within a distance as a power of it
(Renyi's representation; the estimators of Hill and of intrinsic dimension rest on it). Its rate is
known from few leads and is not the same around all images, though, and where rates are distributed
as gamma's law says, the tail is Pareto's, by a shape that is the square of their relative
deviation. A lead's *chance* is the share of images without a copy that have one as large. Of many
queries some have a small chance by chance, so those are flagged that Benjamini and Hochberg (1995)
reject: as many as keep the share of wrong ones small, however many queries there are and however
few of them are copies. Where none is, hardly ever any is to be flagged: first Simes's test (1986)
has to reject, at a smaller level, that there is no copy at all.
"""

from typing import NamedTuple

import numpy as np

from iscqk.formats.arrays import BoolArray, DoubleArray

PROMISED = 0.9  # of the flagged queries are copies
# The aim is two thirds of the wrong ones that the promise allows: queries are not quite like the
# sample, and their number is finite.
_AIM = (1 - PROMISED) * 2 / 3
LARGEST = 1.01 * _AIM  # more than any flagged query's chance, however many there are
_EMPTY = 0.02  # of all sets of queries without any copy, those that get a flag
NEIGHBOUR = 5  # a lead is over this one of the pictures
NO_DISTANCE = 1e-6  # half the squared distance within which descriptors tell nothing
EQUAL = 1 - NO_DISTANCE  # the similarity from which on they are
# That of the same pixels is one but for rounding; screenshots that differ in a clock are within
# `NO_DISTANCE`.
SAME_PIXELS = 1 - 1e-9
_TAIL = 0.1  # of the sample, from which the rest is inferred
_SPREAD = 0.2  # relative deviation of the tail's rate between images

# Copies that are in the sample are taken out of it: by a scale of leads that is rather too large,
# as they differ between images, and so that of ten taken out nine are copies.
_CAUTION, _TRIM = 1.5, 0.1
_THIRD = 0.487  # median of the second smallest of four exponential numbers, where the scale is 1


def leads(similarities: DoubleArray, fifth: DoubleArray) -> DoubleArray:
    """Return leads (n, m) of each query's m nearest references.

    Args:
        similarities: (n, m).
        fifth: (n,) similarity of the `NEIGHBOUR`th picture, of which each counts once.
    """
    return np.log(_distances(fifth)[:, None] / _distances(similarities))


def _distances(similarities: DoubleArray) -> DoubleArray:
    found: DoubleArray = np.maximum(1 - similarities, NO_DISTANCE)
    return found


class Chance(NamedTuple):
    """What leads images have that copy nothing.

    Attributes:
        sample: their leads, ascending, no two equal.
        tail: the lead from which the tail begins.
        scale: how much larger a lead of the tail is, on average.
    """

    sample: DoubleArray
    tail: float
    scale: float

    @classmethod
    def of_sample(cls, sample: DoubleArray) -> "Chance":
        """Learn from the leads (n,) of images, without those that turn out to be copies.

        Equal ones are of one image, which counts once.
        """
        kept = np.unique(sample)
        while (outlying := flagged(_robust_chances(kept), _TRIM, _TRIM)).any():
            kept = kept[~outlying]
        tail = float(np.quantile(kept, 1 - _TAIL))
        beyond = kept[kept > tail] - tail
        return cls(kept, tail, float(beyond.mean()) if len(beyond) else 0.0)

    def of(self, found: DoubleArray) -> DoubleArray:
        """Return the share of images without a copy whose lead is as large as each of these."""
        as_large = len(self.sample) - np.searchsorted(self.sample, found)
        seen = (1 + as_large) / (1 + len(self.sample))
        if not self.scale:
            return seen
        beyond = np.maximum(found - self.tail, 0) / self.scale
        count = max(1, int((self.sample > self.tail).sum()))
        shape = 1 / count + _SPREAD**2  # a rate that so many leads tell is off by its 1 / sqrt
        return np.where(beyond > 0, _TAIL * (1 + shape * beyond) ** (-1 / shape), seen)


def needed(chances: DoubleArray) -> float:
    """Return the chance up to which one more of (n,) queries would be flagged, in another's place.

    The more of them are flagged, the larger it is, see `flagged`.
    """
    others, count = np.sort(chances)[:-1], len(chances)
    level = _AIM if _rejected(others, count, _EMPTY) else _EMPTY
    passing = np.flatnonzero(others * count <= level * np.arange(2, count + 1))  # beside one more
    return float(level * (passing[-1] + 2 if len(passing) else 1) / count)


def flagged(chances: DoubleArray, wrong: float = _AIM, empty: float = _EMPTY) -> BoolArray:
    """Return which of (n,) queries are likely copies, by the chance of each.

    Args:
        chances: of each query's nearest reference.
        wrong: share of the flagged ones that are no copies, on average.
        empty: in how many of all cases any is flagged where there is no copy at all; no more than
            `wrong`.
    """
    ordered, count = np.sort(chances), len(chances)
    if not _rejected(ordered, count, empty):
        return np.zeros(count, dtype=np.bool_)
    found: BoolArray = chances <= ordered[_rejected(ordered, count, wrong) - 1]
    return found


def _rejected(ordered: DoubleArray, count: int, level: float) -> int:
    """Return how many of the smallest of `count` chances Benjamini and Hochberg reject."""
    passing = np.flatnonzero(ordered * count <= level * np.arange(1, len(ordered) + 1))
    return int(passing[-1]) + 1 if len(passing) else 0


def sample_size(queries: int) -> int:
    """Return how many leads of images without a copy it takes to judge so many queries.

    The chance that one of n queries must have to be flagged lies `log(n * _TAIL / _EMPTY)` scales
    beyond the tail's beginning where the tail is exponential. From k leads its rate is known but
    for 1 / sqrt(k), which `Chance` makes up for by a heavier tail: fewer leads make no more wrong
    flags, they cost right ones. With the square of that many leads in the tail, this takes a lead
    that is some half a scale larger, however many queries there are.
    """
    depth = np.log(max(queries, 1) * _TAIL / _EMPTY)
    return int(np.ceil(depth**2 / _TAIL))


def outlying(leads: DoubleArray) -> BoolArray:
    """Return which of (n, m) neighbourhoods begin with a copy, however many do.

    By the scale of the third nearest's leads, which further files of a picture hardly reach.
    """
    return flagged(_chances(leads[:, 0], float(np.median(leads[:, 2])) / _THIRD), _TRIM, _TRIM)


def _robust_chances(sample: DoubleArray) -> DoubleArray:
    """Return the chance of each of a sample's leads, which copies in the sample change little.

    By Renyi's representation a lead is distributed as the largest of four exponential numbers; its
    median gives their scale.
    """
    median = -np.log(1 - 0.5 ** (1 / (NEIGHBOUR - 1)))  # where the scale is 1
    return _chances(sample, float(np.median(sample)) / median)


def _chances(first: DoubleArray, scale: float) -> DoubleArray:
    """Return chances of nearest references' leads where exponential numbers have a scale."""
    scale = _CAUTION * max(scale, 1e-9)
    chances: DoubleArray = 1 - (1 - np.exp(-np.maximum(first, 0) / scale)) ** (NEIGHBOUR - 1)
    return chances
