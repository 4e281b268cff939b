"""Which edits hide a copy: the table, against a lookup of copies one by one."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from iscqk.bench.stages import benchmark_edits
from iscqk.cli import main
from iscqk.images.demo_scenes import draw_split
from iscqk.images.edits import apply_edit
from iscqk.matching.model import Model
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder

EDITS = ("brightness", "hflip", "mosaic", "negative")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """60 references, 40 others, and GIST, which needs no training, as a model."""
    draw_split(tmp_path / "photos", "references", 60, 0, 96, 1)
    draw_split(tmp_path / "others", "others", 40, 0, 96, 1)
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("gist", 32, "average", 128)).eval()
    for side in "qk":
        save_encoder(tmp_path / f"{side}.safetensors", encoder, {})
    monkeypatch.setattr(benchmark_edits, "EDIT_NAMES", EDITS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table_of(*options):
    command = ["benchmark-edits", "photos", "--others", "others", "--model", ".", "--copies", "20"]
    assert main([*command, "--threads", "1", "--output", "edits.csv", *options]) == 0
    return pd.read_csv("edits.csv").set_index("edit")


def test_edits_are_told_by_how_many_copies_they_hide(here):
    table = table_of("--strength", "0.5")
    assert {*table.index} == {*EDITS} and (table["copies"] == 20).all()
    assert table["found"].is_monotonic_increasing and (table["found"] <= table["recall_at_1"]).all()
    assert table["found"]["mosaic"] > 0.9 > 0.3 > table["found"]["negative"]  # by GIST
    assert table["similarity"]["mosaic"] > 0.98 > table["similarity"]["negative"]


def test_copies_that_no_chance_changes_are_found_as_by_hand(here):
    """Mirrored, and with light for dark: nothing of these edits is drawn."""
    table = table_of("--count", "1000")
    model = Model.load(here, 1)
    paths = sorted((here / "photos").iterdir())
    bank = model.describe(paths, "references")
    for name in ("hflip", "negative"):
        firsts = []
        for number in np.random.default_rng(0).permutation(len(paths))[:20]:
            with Image.open(paths[number]) as image:
                copy = apply_edit(image, name, 0.9, np.random.default_rng(0), None)[0]
            firsts.append(int((bank @ model.describe(copy)[0]).argmax()) == number)
        assert table["recall_at_1"][name] == np.mean(firsts)


@pytest.mark.parametrize(
    ("others", "strength", "told"),
    [
        ("others", "2", "error: edit pool: strength (2.0, 2.0): need 0 <= low <= high <= 1"),
        ("none", "0.5", "error: none: "),
        ("empty", "0.5", "error: empty: "),
    ],
)
def test_what_cannot_be_tried_is_told(here, others, strength, told, capsys):
    (here / "empty").mkdir()
    options = ["--others", others, "--strength", strength, "--output", "edits.csv"]
    assert main(["benchmark-edits", "photos", "--model", ".", *options]) == 1
    assert told in capsys.readouterr().err and not (here / "edits.csv").exists()
