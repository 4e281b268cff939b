"""Whether the manifest of training images is made anew, as the words of a command ask for it."""

import pytest

from configs import configured
from iscqk.images.dataset_interface import Sources
from iscqk.plan.plan import Plan
from iscqk.plan.training_manifest import asked_for_training

PLAN = Plan(configured("from-nothing"), Sources(["training"], ["references"], ["others"], {}, {}))


@pytest.mark.parametrize("words", ["prepare_training", "results/data/training.csv --cores all",
    "all --until=prepare_training", "-n --config seed=1 -- results/data/training.behind.json",
    "prepare_training results/data/training.csv", "prepare_training -f"])  # fmt: skip
def test_the_manifest_of_training_images_alone_is_asked_for(words):
    asked = asked_for_training(PLAN, words.split())
    assert asked and asked.force == ("-f" in words)


@pytest.mark.parametrize("words", ["all", "submission_phase2 results/data/training.csv",
    "--unlock prepare_training", "all --until prepare prepare_training", "-c2 prepare",
    "all --forcerun prepare_training"])  # fmt: skip
def test_something_else_is_asked_for_too(words):
    assert asked_for_training(PLAN, words.split()) is None
