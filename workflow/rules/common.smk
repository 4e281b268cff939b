# What the rules share: sections of the config as text, and the names of files of many parts.

import json

from iscqk.workflow import gpu_count, put_program_on_path, sources

put_program_on_path()

# A GPU takes one job at a time (profiles/default); without one, jobs fill the cores.
GPU = gpu_count()

MANIFESTS = {
    "training": "results/data/training.csv",
    "references": "results/data/references.csv",
    "phase1": "results/data/phase1/queries.csv",
    "phase2": "results/data/phase2/queries.csv",
}
FEATURES_FLAG = {"features": "--features", "descriptors": ""}

# Keys of `train` that only the one or the other kind of training depends on.
WARM_UP_KEYS = [key for key in config["train"] if key.startswith("warm_up_")]
HALF_ROUND_KEYS = [
    *(
        "rounds",
        "images_per_half_round",
        "temperature",
        "learn_temperature",
        "bank_views",
    ),
    *("live_head", "learning_rate", "head_learning_rate", "batch_norm"),
]

# The conventions take different numbers of pairs: fb what was searched for, drivendata its own.
SCORED = {"fb": "predictions.csv", "drivendata": "descriptors.h5"}[
    config["score"]["convention"]
]

ROUNDS = config["train"]["rounds"]
FINAL = f"round{ROUNDS}-k" if ROUNDS else "initial"


def text(value):
    """Return a config value as JSON with sorted keys, so that reordered keys rerun nothing."""
    return json.dumps(value, sort_keys=True)


def section(name, *without):
    """Return a section of the config as JSON, without the keys that its rule does not depend on."""
    return text({k: v for k, v in config[name].items() if k not in without})


def shards(images):
    """Return the shard numbers of a set of images."""
    return range(config["shards"][images])


def described(model, side, images, content="descriptors"):
    """Return the shards of what a model's side makes of a set of images."""
    kind = "training" if images.startswith("copies") else images
    kind = "queries" if images.startswith("phase") else kind
    return expand(
        "results/{content}/{model}/{side}/{images}-{shard}.h5",
        content=content,
        model=model,
        side=side,
        images=images,
        shard=shards(kind),
    )


def bank(model, side, images):
    """Return the shards of a bank: features where the frozen side's head keeps learning."""
    content = "features" if config["train"]["live_head"] else "descriptors"
    return described(model, side, images, content)


def copies(round):
    """Return the shards of a round's copies."""
    return expand(
        "results/copies/round{round}/{shard}.tar", round=round, shard=shards("training")
    )


def before(round):
    """Return the model that a round starts from."""
    if int(round) > 1:
        return f"round{int(round) - 1}-k"
    return "warm-up" if config["train"]["warm_up_images"] else "initial"
