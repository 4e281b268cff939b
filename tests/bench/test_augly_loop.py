"""Copies are what a plain loop of AugLy's own functions makes, only sooner."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from iscqk.bench.augly_loop import copy_plainly, recipe
from iscqk.bench.copy_speed import CEILING, OURS, PLAIN, compare_copies
from iscqk.images import augly_edits, own_edits
from iscqk.images.copier import Copier, Task
from iscqk.images.demo_scenes import draw_split
from iscqk.images.edit_chains import EditPool

# Without noise and filters, whose grain is of the size of a pixel, whatever that is.
SMOOTH = ("brightness", "contrast", "crop", "hflip", "overlay_image", "pad", "rotate", "saturation")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    for side, count in ((96, 40), (768, 12)):
        draw_split(folder / str(side), "training", count, 0, side, 1)
    return {side: sorted(map(str, (folder / str(side)).iterdir())) for side in (96, 768)}


def test_of_images_that_are_small_already_every_byte_is_the_plain_loop_s(drawn):
    """Every function of AugLy, at every strength."""
    paths = drawn[96]
    pool = EditPool(tuple(augly_edits.EDITS), (0.0, 1.0), (1, 4))
    copier = Copier(pool, tuple(paths), 128, 90)
    names = set()
    for number in range(120):
        task = Task((0, "x", number), paths[number % len(paths)])
        jpeg, edits = copier.copy(task)
        made_by = recipe(copier, task)
        assert made_by.edits == edits
        assert copy_plainly(made_by, 128, 90) == jpeg, edits
        names |= {edit["name"] for edit in edits}
    assert names == set(augly_edits.EDITS)


def test_a_record_tells_all_of_an_edit_of_our_own(drawn):
    """The plain loop has nothing else, and no generator."""
    paths = drawn[96]
    for name in own_edits.EDITS:
        copier = Copier(EditPool((name,), (0.0, 1.0), (1, 1)), tuple(paths), 128, 90)
        task = Task((0, name), paths[0])
        assert copy_plainly(recipe(copier, task), 128, 90) == copier.copy(task)[0], name


def test_of_large_images_a_copy_looks_like_the_plain_loop_s(drawn):
    """There ours are decoded and edited small, the plain loop's are shrunk at last.

    They are the same edits, but texture that is finer than a copy's pixels is clipped by one and
    averaged by the other. Copies of two images differ by some 65 grey levels.
    """
    paths = drawn[768]
    copier = Copier(EditPool(SMOOTH, (0.1, 0.6), (1, 3)), tuple(paths), 128, 90)
    differences = []
    for number in range(36):
        task = Task((0, "x", number), paths[number % len(paths)])
        jpeg, edits = copier.copy(task)
        made_by = recipe(copier, task)
        assert [edit["name"] for edit in made_by.edits] == [edit["name"] for edit in edits]
        ours, plain = (thumbnail(file) for file in (jpeg, copy_plainly(made_by, 128, 90)))
        differences.append(np.abs(ours - plain).mean())
    assert np.median(differences) < 4 and max(differences) < 15


def thumbnail(jpeg):
    """Squeezed, as a crop of a small image is small, while one of a large image is shrunk."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    return np.asarray(image.resize((32, 32), Image.Resampling.BOX), dtype=float)


def test_a_plain_loop_is_told_which_images_it_lays_over(drawn):
    paths = drawn[96]
    copier = Copier(EditPool(("overlay_image",), (0.5, 0.5), (1, 1)), tuple(paths), 128, 90)
    made_by = recipe(copier, Task((0, "x", 0), paths[0]))
    other = next(path for path in paths if path not in (paths[0], *made_by.backgrounds))
    changed = made_by._replace(backgrounds=[other])
    assert copy_plainly(changed, 128, 90) != copy_plainly(made_by, 128, 90)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_comparison_has_every_way_and_its_ratios(drawn, workers):
    paths = drawn[96]
    copier = Copier(EditPool(("hflip",), (0.5, 0.5), (1, 1)), tuple(paths), 128, 90)
    table = compare_copies(copier, [Task((0, "x", 0), paths[0])] * 20, workers, 2)
    rates = table.set_index(["way", "workers"])["per_second"]
    ways = {(way, count) for way in (OURS, CEILING) for count in (1, workers)}
    assert set(rates.index) == {(PLAIN, 1)} | ways
    for row in table.itertuples():
        assert row.times_one_worker == row.per_second / rates[row.way, 1]
        if row.way == CEILING:
            assert pd.isna(row.times_plain)
        else:
            assert row.times_plain == row.per_second / rates[PLAIN, 1]
