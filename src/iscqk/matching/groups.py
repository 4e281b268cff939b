"""Groups of copies among images, of which pairs are likely copies.

A group is a star: every image of it is a likely copy of one of them, its centre. Chains are so kept
apart: where a is like b and b like c, but c not like a, there is one group only if b is its centre.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from iscqk.formats.arrays import BoolArray, IntArray
from iscqk.runtime.logs import progress

Link = tuple[int, int]
# Whether each of some numbers (n,) is a likely copy of a number, or it of them.
AreCopies = Callable[[int, IntArray], BoolArray]


def star_groups(
    links: Sequence[Link], are_copies_in: Callable[[IntArray], AreCopies]
) -> list[list[int]]:
    """Return groups of at least two, each with its centre first; an image is in one at most.

    Centres are taken in turn: of the images that are left the one with most links, the first of
    equal ones. Its group is all that is a likely copy of it among what links lead to, by any way,
    so that it is whole even where `links` name some of its pairs only. So of n images that links
    join, of which few are copies of each other, some n^2 / 6 pairs are asked about.

    Args:
        links: pairs (a, b) of different numbers that are likely copies.
        are_copies_in: gives what tells copies among numbers that links join, ascending.
    """
    neighbours: dict[int, set[int]] = defaultdict(set)
    for one, other in links:
        neighbours[one].add(other)
        neighbours[other].add(one)
    groups = []

    def grouped() -> Iterator[int]:
        for whole in _connected(neighbours):
            numbers = np.array(sorted(whole))
            for group in _stars(numbers, neighbours, are_copies_in(numbers)):
                groups.append(group)
                yield from group

    for _ in progress(grouped(), len(neighbours), "linked images, into groups"):
        pass
    return sorted(group for group in groups if len(group) > 1)


def _stars(
    numbers: IntArray, neighbours: dict[int, set[int]], are_copies: AreCopies
) -> Iterator[list[int]]:
    """Yield the groups of numbers that links join, ascending, and at last each that is left."""
    degrees = np.array([len(neighbours[number]) for number in numbers.tolist()])
    left = np.ones(len(numbers), np.bool_)
    while degrees[centre := int(degrees.argmax())] > 0:
        left[centre] = False
        others = np.flatnonzero(left)
        near = others[are_copies(int(numbers[centre]), numbers[others])]
        left[near] = False
        group = numbers[[centre, *near]].tolist()
        yield group
        linked = [other for number in group for other in neighbours[number]]
        np.subtract.at(degrees, np.searchsorted(numbers, linked), 1)
        degrees[~left] = 0
    yield from ([number] for number in numbers[left].tolist())


def _connected(neighbours: dict[int, set[int]]) -> list[list[int]]:
    """Return the numbers that links lead from one to another, part by part."""
    seen: set[int] = set()
    parts = []
    for start in sorted(neighbours):
        if start in seen:
            continue
        seen.add(start)
        part, front = [], [start]
        while front:
            part.append(number := front.pop())
            new = neighbours[number] - seen
            seen |= new
            front.extend(new)
        parts.append(part)
    return parts
