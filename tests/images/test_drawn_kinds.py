"""Drawn pictures of kinds that are all much alike."""

from iscqk.images.drawn_kinds import KINDS, drawn_kinds


def contents(of_each):
    return [image.tobytes() for image in drawn_kinds(of_each)]


def test_they_are_the_same_each_time_and_all_differ():
    every = contents(3)
    assert len(set(every)) == len(every) == 3 * len(KINDS)
    assert contents(2) == [every[place] for place in range(len(every)) if place % 3 < 2]
