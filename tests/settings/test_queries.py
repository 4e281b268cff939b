"""Whether there are images enough for the queries that are asked for."""

import re

import pytest

from configs import configured
from iscqk.errors import UserError
from iscqk.formats.phases import PHASES
from iscqk.plan import runs
from iscqk.plan.checks import check_config
from iscqk.settings.queries import Queries, refuse_impossible


def complaint(count, copies, images, phases=PHASES):
    """Return what is said of so many queries, None where nothing is."""
    try:
        refuse_impossible(Queries(count=count, copies=copies), images, phases)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("phases", [PHASES, ["phase1"], ["phase2"]])
@pytest.mark.parametrize("copies", [0.1, 0.3, 0.5, 1])
@pytest.mark.parametrize("images", [(9, 8), (8, 9), (1, 30), (30, 2)])
def test_the_numbers_that_it_names_are_just_enough(phases, copies, images):
    there = dict(zip(("references", "others"), images, strict=True))
    told = complaint(40, copies, there, phases)
    if lowered := re.search(r"lower it to (\d+)", told):
        assert complaint(int(lowered[1]), copies, there, phases) is None
        assert complaint(int(lowered[1]) + 1, copies, there, phases)
    missing, split = re.search(r"add (\d+) images to dataset\.(\w+)$", told).groups()
    for more, other in ((int(missing), "enough"), (int(missing) - 1, "too few")):
        plenty = {name: 1000 for name in there} | {split: there[split] + more}
        assert (complaint(40, copies, plenty, phases) is None) == (other == "enough")


@pytest.mark.parametrize(("count", "copies"), [(40, 0), (4, 0.1), (1, 0.5)])
def test_queries_that_copy_nothing_are_refused_where_they_are_made(count, copies):
    plenty = {"references": 1000, "others": 1000}
    told = f"config: queries.copies: {copies:g} of {count} queries makes no copy, and no score"
    assert complaint(count, copies, plenty) == f"{told}; raise it"
    assert complaint(count, copies, plenty, []) is None


def test_a_phase_that_has_queries_of_its_own_needs_no_images():
    assert complaint(40, 0.5, {"references": 0, "others": 0}, []) is None


def test_of_drawn_images_it_is_told_before_any_is_drawn():
    asked = runs.changed(configured(), {"queries.count": 1000})
    with pytest.raises(UserError) as error:
        check_config(asked)
    assert str(error.value) == (
        "config: queries.count: 1000 take 500 others in phase2, which has 400, half of the 800 "
        "there are; lower it to 800, or raise dataset.demo.others to 1000"
    )
    check_config(runs.changed(asked, {"dataset.demo.others": 1000}))
    check_config(runs.changed(asked, {"queries.count": 800}))


def test_one_other_image_is_needed_where_all_queries_are_copies():
    """Edits lay pictures on others; and phases share none."""
    told = complaint(10, 1, {"references": 100, "others": 1}, ["phase2"])
    assert told.endswith("add 1 image to dataset.others")
    assert complaint(10, 1, {"references": 100, "others": 2}, ["phase2"]) is None
