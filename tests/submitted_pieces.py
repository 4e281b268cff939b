"""All that `iscqk submit` takes, of made-up descriptors."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from configs import configured
from iscqk.cli import main
from iscqk.formats.files import sha256_of
from iscqk.formats.ids import QUERY, REFERENCE, TRAINING
from iscqk.formats.manifest import write_manifest
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder
from written_shards import write_descriptors

CONFIG = configured("from-nothing")
CONFIG["describe"]["ranking"] = "similarity"
CONFIG["model"] |= {"backbone": "test_resnet", "image_size": 32, "descriptor_size": 8}
SPLITS = {"queries": (QUERY, 10), "references": (REFERENCE, 40), "training": (TRAINING, 20)}


def manifest(folder, split):
    form, count = SPLITS[split]
    rows = [[form.make(n), f"{n}.jpg", f"{split}{n}", 32, 32] for n in range(count)]
    columns = ["id", "path", "sha256", "width", "height"]
    write_manifest(folder / f"{split}.csv", pd.DataFrame(rows, columns=columns))


def describe(folder, split, weights, **more):
    form, count = SPLITS[split]
    rows = np.random.default_rng(count).normal(size=(count, 8)).astype(np.float32)
    made = {
        "manifest_sha256": sha256_of(folder / f"{split}.csv"),
        "weights_sha256": sha256_of(folder / weights),
        **more,
    }
    write_descriptors(folder / f"{split}.h5", [form.make(n) for n in range(count)], rows, made)


def iscqk(stage, *arguments):
    return main([stage, *map(str, arguments)])


def merge(folder):
    shards = ("--queries", folder / "queries.h5", "--references", folder / "references.h5")
    return iscqk("merge", *shards, "--ranking", "similarity", "--output", folder / "s.h5")


def search(folder, *options):
    assert iscqk("search", folder / "s.h5", "--output", folder / "p.csv", *options) == 0


def score(folder):
    assert iscqk("score", folder / "p.csv", folder / "gt.csv", "--output", folder / "f.json") == 0


def merge_and_judge(folder):
    """Make all that is submitted of the descriptors there: merged, searched, validated, scored."""
    assert merge(folder) == 0
    search(folder)
    lists = ("--queries", folder / "queries.csv", "--references", folder / "references.csv")
    report = ("--phase", "phase1", "--output", folder / "v.json")
    assert iscqk("validate", folder / "s.h5", *lists, *report) == 0
    score(folder)
    public = ("--half", "public", "--output", folder / "h.json")
    assert iscqk("score", folder / "s.h5", folder / "gt.csv", *public) == 0


@pytest.fixture(scope="module")
def made_pieces(tmp_path_factory):
    """All that is submitted, by the stages themselves, of made-up shards."""
    folder = tmp_path_factory.mktemp("made")
    for number, side in enumerate("qk"):
        torch.manual_seed(number)
        encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 8))
        save_encoder(folder / f"{side}.safetensors", encoder, {})
    for split in SPLITS:
        manifest(folder, split)
    describe(folder, "queries", "q.safetensors")
    describe(folder, "references", "k.safetensors")
    rows = [f"{QUERY.make(n)},{'R000001' if n == 1 else ''}\n" for n in range(10)]
    (folder / "gt.csv").write_text("".join(rows))
    merge_and_judge(folder)
    return folder


@pytest.fixture
def pieces(made_pieces, tmp_path):
    """Return a folder of them that a test may change."""
    return Path(shutil.copytree(made_pieces, tmp_path / "pieces"))


def submit(folder, weights=("queries", "references"), half="public", given=()):
    paths = {
        **{"descriptors": "s.h5", "predictions": "p.csv", "validation": "v.json"},
        **{split: f"{split}.csv" for split in SPLITS},
        "output": "out",
    }
    options = [part for name, file in paths.items() for part in (f"--{name}", folder / file)]
    files = zip(weights, ("q", "k", "projection"), strict=False)
    weights = [f"{role}={folder}/{side}.safetensors" for role, side in files]
    scores = [f"--scores=similarity={folder}/f.json", f"--halves={half}={folder}/h.json"]
    options += ["--phase", "phase1", "--ranking", "similarity", "--config", json.dumps(CONFIG)]
    return iscqk("submit", *options, *scores, "--weights", *weights, "--given", *given)
