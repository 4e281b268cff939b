"""A method that no training can be made of is told by name, when it is declared or looked at."""

from dataclasses import dataclass

import pytest

from iscqk.errors import UserError
from iscqk.learning.method_interface import (
    GIVEN_FILES,
    Learning,
    LearningOnBank,
    LearningOnFreshCopies,
    LearningOnPairs,
    Method,
)
from iscqk.methods import METHODS
from iscqk.schema.section import key


@pytest.mark.parametrize(
    ("source", "settings", "complaint"),
    [
        ("banks", Learning, "learns_from: banks; it must be one of bank, pairs, fresh, nothing"),
        ("bank", Learning, "a method that learns from bank they derive from LearningOnBank"),
        ("fresh", LearningOnPairs, "from fresh they derive from LearningOnFreshCopies"),
        ("pairs", None, "from pairs they derive from LearningOnPairs"),
    ],
)
def test_what_no_training_can_be_made_of_is_refused(source, settings, complaint):
    with pytest.raises(UserError, match=f"^own:Loss: .*{complaint}"):
        Method(card="", learns_from=source, settings=settings, objective="own:Loss")


class Undeclared(LearningOnPairs):
    """Settings that would have none of their keys."""

    push: float = key(2.0)


@dataclass(frozen=True, kw_only=True)
class Below(Undeclared):
    """Likewise."""


@pytest.mark.parametrize("settings", [Undeclared, Below])
def test_settings_with_keys_are_a_dataclass(settings):
    with pytest.raises(UserError, match="^own:Loss: settings: Undeclared: put @dataclass.frozen"):
        Method(card="", learns_from="pairs", settings=settings, objective="own:Loss")


def test_every_method_on_a_bank_may_be_given_files_of_the_images():
    assert {name: LearningOnBank().values()[name] for name in GIVEN_FILES} == {
        "near_duplicates": None,
        "teacher": None,
    }


@pytest.mark.parametrize("objective", ["no_such_module:Loss", "json:Loss", ""])
def test_a_loss_that_cannot_be_imported_is_told(objective):
    method = Method("An encoder.", "pairs", LearningOnPairs, objective=objective)
    with pytest.raises(UserError, match="no loss to be imported"):
        method.load_objective()


class OfTwo:
    """A loss that says of itself what only a method says."""

    views = 2


def test_how_many_images_count_is_said_by_the_method_alone():
    for method in filter(lambda method: method.objective, METHODS.values()):
        method.load_objective()
    own = {"card": "", "learns_from": "pairs", "settings": LearningOnPairs}
    objective = f"{__name__}:OfTwo"
    assert Method(**own, objective=objective, views=2).load_objective() is OfTwo
    with pytest.raises(UserError, match="OfTwo: says views 2, and METHOD 1; say it in METHOD al"):
        Method(**own, objective=objective).load_objective()


@pytest.mark.parametrize(
    ("source", "settings", "facts"),
    [
        ("bank", LearningOnBank, {"learns", "has_rounds"}),
        ("pairs", LearningOnPairs, {"learns", "trains_one", "learns_from_pairs"}),
        ("fresh", LearningOnFreshCopies, {"learns", "trains_one", "makes_own_copies"}),
        ("nothing", None, set()),
    ],
)
def test_what_a_method_learns_from_says_what_its_training_is(source, settings, facts):
    method = Method(card="", learns_from=source, settings=settings)
    found = {name for name, one in vars(Method).items() if isinstance(one, property)}
    assert {name for name in found if getattr(method, name)} == facts
