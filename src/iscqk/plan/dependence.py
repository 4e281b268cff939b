"""What of a config each thing depends on, and how long a training is."""

import json

from iscqk.methods import METHODS
from iscqk.plan.names import INITIAL, WARM_UP, ModelName, half_round, learned
from iscqk.plan.runs import UNTRACKED, Config


def models(config: Config) -> list[ModelName]:
    """Return the models along a run's training, in order; the last is what it submits."""
    train = config["train"]
    if not train["rounds"]:
        return [INITIAL]
    if METHODS[train["method"]].trains_one:
        return [learned(part) for part in range(1, config["study"]["points"] + 1)]
    warm_up = [WARM_UP] if warm_up_images(config) else []
    rounds = range(1, train["rounds"] + 1)
    return [*warm_up, *(half_round(number, side) for number in rounds for side in "qk")]


def budget(config: Config) -> int:
    """Return the images that SGD sees in a run: what Q/K sees, where a method has no rounds."""
    train = config["train"]
    if not train["rounds"]:
        return 0
    return warm_up_images(config) + 2 * int(train["rounds"] * train["images_per_half_round"])


def warm_up_images(config: Config) -> int:
    """Return the images of a run's warm-up, and of Q/K's where its method has none of its own."""
    train = config["train"]
    method = train["method"] if METHODS[train["method"]].has_rounds else "qk"
    return int(train[method]["warm_up_images"])


def copy_rounds(config: Config) -> list[int]:
    """Return the rounds whose copies are made ahead for a run; 0 is the warm-up's."""
    train = config["train"]
    if METHODS[train["method"]].makes_own_copies:
        return []
    rounds = list(range(1, train["rounds"] + 1))
    return [0, *rounds] if warm_up_images(config) and rounds else rounds


def training_edits(config: Config, number: int | str) -> Config:
    """Return what the copies of round `number` are edited with.

    It is `edits.training`, as the curriculum has changed it up to this round.
    """
    pool = dict(config["edits"]["training"])
    for change in sorted(config["edits"]["curriculum"], key=lambda change: int(change["round"])):
        if change["round"] <= int(number):
            pool.update({key: value for key, value in change.items() if key != "round"})
    return pool


def fresh_copies(config: Config) -> list[Config]:
    """Return how a run makes copies while it learns: what of their section counts, and edits.

    Nothing if they are made ahead, for rounds and in files.
    """
    if not METHODS[config["train"]["method"]].makes_own_copies:
        return []
    return [{"side": config["copies"]["side"]}, config["edits"]["training"]]


def train_section(config: Config, method: str) -> Config:
    """Return the part of `train` that one training by `method` depends on.

    How many rounds there are is no part of it: one more redoes none. Nor is what changes no result.
    """
    train, own = config["train"], dict(config["train"][method])
    own.pop("warm_up_images", None)
    shared = {
        key: value
        for key, value in train.items()
        if key not in ("method", "rounds", "images_per_half_round", *UNTRACKED, *METHODS)
    }
    if METHODS[method].has_rounds:
        shared["images_per_half_round"] = train["images_per_half_round"]
    return {**shared, method: own}


def making(config: Config, split: str, name: ModelName) -> str:
    """Return all that a model of a run depends on, as text."""
    train = config["train"]
    facts = [config["seed"], config["model"], split]
    if name.trains_one:
        method, points = train["method"], config["study"]["points"]
        facts += [train_section(config, method), budget(config), copy_rounds(config), points]
        facts += fresh_copies(config)
    elif name != INITIAL:
        facts += [train_section(config, "simclr"), warm_up_images(config)]
    if name.is_half_round:
        facts.append(train_section(config, train["method"]))
    return as_text(facts)


def as_text(value: object) -> str:
    """Return a config value as JSON with sorted keys, so that reordered keys rerun nothing."""
    return json.dumps(value, sort_keys=True)
