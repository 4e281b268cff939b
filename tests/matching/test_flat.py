"""Images of one colour, and pictures that only contrast shows."""

import os
import shlex

import numpy as np
import pytest
from PIL import Image, ImageDraw

import iscqk
from iscqk.cli import main
from iscqk.images.squares import is_flat
from iscqk.matching import matches
from iscqk.matching.basis import Basis
from iscqk.matching.chance import Chance


@pytest.fixture
def model(folder, model_folder, monkeypatch):
    """Return a model, with a basis by which every pair is likely."""
    everything = Basis(24, np.ones(1), Chance(np.full(9, -9.0), tail=-10, scale=1e-300), same=2)
    monkeypatch.setattr(matches, "find_basis", lambda *_: everything)
    return iscqk.Model.load(model_folder)


def logo(path, *boxes):
    """Write a white drawing on clear ground."""
    image = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    for box in boxes:
        ImageDraw.Draw(image).ellipse(box, fill="white")
    image.save(path)


def noisy(level, spread):
    noise = np.random.default_rng(0).integers(-spread, spread + 1, (300, 300, 3))
    return Image.fromarray((level + noise).clip(0, 255).astype(np.uint8))


FLAT = {
    "blank.png": lambda: Image.new("RGB", (80, 60), "white"),
    "clear.png": lambda: Image.new("RGBA", (80, 60), (0, 0, 0, 0)),
    "black.jpg": lambda: Image.new("L", (80, 60)),
    "scanned.jpg": lambda: noisy(245, 6),
    "one pixel.png": lambda: Image.new("RGB", (1, 1), "red"),
}


@pytest.mark.parametrize("name", FLAT)
def test_an_image_of_one_colour_is_named_and_never_likely(folder, model, caplog, name):
    for place in ("scans", "photos"):
        FLAT[name]().save(f"{place}/{name}")
    found = iscqk.match("scans", "photos", model, top=25)
    flat = (found["query"] == f"scans/{name}") | (found["reference"] == f"photos/{name}")
    assert flat.sum() == 25 + 3 and not found["likely"][flat].any() and found["likely"][~flat].all()
    assert f"scans/{name}: of one colour" in caplog.text
    assert f"photos/{name}: of one colour" in caplog.text


def test_a_faint_picture_is_not_of_one_colour():
    faint = Image.linear_gradient("L").point(lambda level: 200 + level // 16)
    assert not is_flat(faint.convert("RGB"))
    assert is_flat(faint.point(lambda level: 200 + (level - 200) // 4).convert("RGB"))


def test_what_is_flat_is_known_from_descriptors_too(folder, model, model_folder, caplog):
    Image.new("RGB", (80, 60), "white").save("photos/blank.png")
    command = f"iscqk describe photos --model {model_folder} --output photos.h5"
    for _ in range(2):
        caplog.clear()
        assert main(shlex.split(command)[1:]) == 0
        assert "photos/blank.png: of one colour" in caplog.text
    found = iscqk.match("scans", "photos.h5", model, top=25)
    flat = found["reference"].map(os.path.basename) == "blank.png"
    assert flat.sum() == 3 and not found["likely"][flat].any() and found["likely"][~flat].all()


def test_white_logos_on_clear_ground_are_different_pictures(folder, model, caplog):
    os.mkdir("logos")
    logo("logos/a.png", (10, 10, 60, 60))
    logo("logos/b.png", (5, 50, 35, 90), (50, 5, 90, 30), (60, 60, 90, 90))
    logo("scans/a.png", (10, 10, 60, 60))
    one, other = model.describe(["logos/a.png", "logos/b.png"])
    blank = model.describe([Image.new("RGB", (96, 96), "white")])[0]
    assert one @ other < 1 - 1e-3 and one @ blank < 1 - 1e-3
    assert iscqk.match("scans/a.png", "logos", model)["reference"].tolist() == ["logos/a.png"]
    assert "of one colour" not in caplog.text
