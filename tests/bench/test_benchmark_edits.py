"""Which edits hide a copy: the table, against a lookup of copies one by one."""

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from drawn_images import put_drawn
from iscqk.bench.stages import benchmark_edits, benchmark_likely
from iscqk.cli import main
from iscqk.images.copier import Copier
from iscqk.images.edit_chains import EditPool
from iscqk.images.edits import apply_edit
from iscqk.matching.model import Model
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder

EDITS = ("brightness", "hflip", "mosaic", "negative")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """60 references, 40 others, and GIST, which needs no training, as a model."""
    put_drawn(tmp_path / "photos", "references", 60, 0, 96)
    put_drawn(tmp_path / "others", "others", 40, 0, 96)
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


def test_copies_are_the_same_however_a_folder_is_named_and_of_the_seed(here):
    named = ["--others", "others", "--model", ".", "--copies", "5", "--output", "e.csv"]
    with tarfile.open("photos.tar", "w") as tar:
        for path in sorted((here / "photos").iterdir()):
            tar.add(path, path.name)
    tables = []
    for folder in ("photos", str(here / "photos"), "photos.tar"):
        assert main(["benchmark-edits", folder, *named]) == 0
        tables.append((here / "e.csv").read_bytes())
    assert len(set(tables)) == 1

    def copy(seed):
        copier = Copier(EditPool(("crop",), (0.5, 0.5), (1, 1)), (), 96, 90)
        return benchmark_edits._edited(copier, [here / "photos/R000000.jpg"], seed)[0].tobytes()

    assert copy(0) == copy(0) != copy(1)


def test_what_is_likely_is_tried_on_images_that_are_there_once(here):
    shutil.copytree(here / "others", here / "twice/again")
    shutil.copytree(here / "others", here / "twice/more")
    halves = benchmark_likely._halves(here / "twice", 1000, 0)
    assert len({path.name for half in halves for path in half}) == sum(map(len, halves)) == 40
    copier = Copier(EditPool(("crop",), (0.5, 0.5), (1, 1)), (), 96, 90)
    copies = [
        Path(*benchmark_likely._made(copier, [here / place], here / str(n), n // 2, 1)).read_bytes()
        for n, place in enumerate(
            ["others/O000003.jpg", "twice/more/O000003.jpg", "others/O000003.jpg"]
        )
    ]
    assert copies[0] == copies[1] != copies[2]


@pytest.mark.long
def test_what_is_likely_is_tried_among_edited_others_unedited_ones_and_pages_of_text(here):
    command = ["benchmark-likely", "photos", "--model", ".", "--count", "40", "--pages", "40"]
    assert main([*command, "--threads", "1", "--output", "likely.csv"]) == 0
    table = pd.read_csv("likely.csv")
    assert len(table) == 2 * 2 * 2 * 3 and {*table["others"]} == {"edited", "as they are"}
    assert {*table["collection"]} == {"photos", "pages of text"}
    assert (table["queries"] == 10).all() and not table["likely"].any()  # by too few references


def test_an_image_of_others_that_is_a_reference_is_refused(here, capsys):
    shutil.copy(here / "photos/R000003.jpg", here / "others/again.jpg")
    command = [
        "benchmark-edits",
        "photos",
        "--others",
        "others",
        "--model",
        ".",
        "--output",
        "e.csv",
    ]
    assert main(command) == 1
    told = "others/again.jpg: has the content of the reference photos/R000003.jpg"
    assert told in capsys.readouterr().err


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
