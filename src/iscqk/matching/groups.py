"""Groups of copies among images, of which pairs are likely copies.

A group is a star: every image of it is a likely copy of one of them, its centre. Chains are so kept
apart: where a is like b and b like c, but c not like a, there is one group only if b is its centre.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

Link = tuple[int, int]


def star_groups(
    links: Sequence[Link], are_copies: Callable[[int, Sequence[int]], Sequence[bool]]
) -> list[list[int]]:
    """Return groups of at least two, each with its centre first; an image is in one at most.

    Centres are taken in turn: of the images that are left the one with most links, the first of
    equal ones. Its group is all that is a likely copy of it among what links lead to, by any way,
    so that it is whole even where `links` name some of its pairs only.

    Args:
        links: pairs (a, b) of different numbers that are likely copies.
        are_copies: whether each of some numbers is a likely copy of a number, or it of them.
    """
    neighbours: dict[int, set[int]] = defaultdict(set)
    for one, other in links:
        neighbours[one].add(other)
        neighbours[other].add(one)
    groups = []
    for whole in _connected(neighbours):
        left = set(whole)
        degrees = Counter({number: len(neighbours[number]) for number in whole})
        while (centre := _centre(left, degrees)) is not None:
            others = sorted(left - {centre})
            near = zip(others, are_copies(centre, others), strict=True)
            group = [centre, *(other for other, is_copy in near if is_copy)]
            groups.append(group)
            for gone in group:
                degrees.subtract(neighbours[gone])
            left -= set(group)
    return sorted(group for group in groups if len(group) > 1)


def _centre(left: set[int], degrees: Counter[int]) -> int | None:
    """Return the number of most links to what is left, or None where nothing is linked any more."""
    linked = (number for number in left if degrees[number] > 0)
    return min(linked, key=lambda number: (-degrees[number], number), default=None)


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
