"""The validation's edits: each changes pictures of any form, all occur, none is AugLy's."""

import ast

import numpy as np
import pytest
from PIL import Image, ImageDraw

from iscqk.bench.independent import layers
from iscqk.bench.independent.catalogue import CLASSES, PHASES, draw_chain, edit
from iscqk.bench.independent.draws import Draws, open_picture
from iscqk.plan.stage_code import modules


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    paths = []
    for number, size in enumerate([(120, 90), (60, 130), (100, 100)]):
        pixels = np.random.default_rng(number).integers(0, 256, (5, 6, 3)).astype(np.uint8)
        paths.append(str(folder / f"{number}.png"))
        Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(paths[-1])
    return paths


@pytest.mark.parametrize("size", [(256, 170), (90, 256), (256, 12)])
@pytest.mark.parametrize("name", CLASSES)
def test_every_edit_changes_pictures_of_any_form_and_the_same_draws_alike(name, size, others):
    waves = np.sin(np.arange(size[0]) / 9) + np.cos(np.arange(size[1]) / 7)[:, None]
    shades = np.clip(120 + 50 * waves, 0, 255).astype(np.uint8)
    picture = np.stack([shades, shades[::-1], 255 - shades], axis=2)
    before = picture.copy()
    for seed in range(3):
        found, again = (
            edit(picture, [name], Draws(np.random.default_rng(seed), others, 256)) for _ in range(2)
        )
        assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3
        assert min(found.shape[:2]) >= 4 and found.max() <= 255
        assert found.shape != picture.shape or (found != picture).any()
        np.testing.assert_array_equal(found, again)
        np.testing.assert_array_equal(picture, before)


def test_a_picture_is_opened_at_the_side_that_is_worked_at(others):
    assert [open_picture(path, 256).shape for path in others] == [
        *((192, 256, 3), (256, 118, 3), (256, 256, 3))
    ]


@pytest.mark.parametrize("phase", PHASES)
def test_chains_take_one_edit_of_a_group_and_are_as_long_as_their_phase_says(phase):
    rng = np.random.default_rng(0)
    firsts = [*PHASES[phase].classes] * 40
    chains = [draw_chain(phase, first, rng) for first in firsts]
    for first, chain in zip(firsts, chains, strict=True):
        groups = [CLASSES[name].group for name in chain]
        assert first in chain and len(set(groups)) == len(chain)
        assert "screen" not in groups[:-1]
    counts = np.bincount([len(chain) for chain in chains], minlength=5)[1:]
    np.testing.assert_allclose(counts / len(chains), PHASES[phase].length, atol=0.06)


def test_phase_1_knows_no_severe_edit_and_phase_2_both():
    rng = np.random.default_rng(0)
    moderate, severe = PHASES["phase1"].classes, PHASES["phase2"].classes
    assert not moderate.keys() & severe.keys()
    for phase, known in (("phase1", moderate), ("phase2", CLASSES)):
        firsts = [*PHASES[phase].classes] * 40
        drawn = {name for first in firsts for name in draw_chain(phase, first, rng)}
        assert drawn == known.keys()


def test_nothing_that_makes_the_queries_knows_of_augly_or_of_the_training_edits():
    """Neither do the modules that they import, however far."""
    files = modules("iscqk.bench.stages.validation_queries")
    assert {"catalogue.py", "screens.py", "validation_queries.py"} <= {path.name for path in files}
    for path in files:
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        assert not [name for name in names if "augly" in name or "own_edits" in name], path
        assert path.name not in ("edits.py", "edit_chains.py", "copier.py"), path


@pytest.mark.parametrize("size", [(256, 2), (8, 256)])
@pytest.mark.parametrize("then", ["overlay", "shuffled_tiles", "jpeg", "stickers", "screenshot"])
def test_what_a_crop_leaves_of_a_strip_can_be_edited(size, then, others):
    picture = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    for seed in range(30):
        draws = Draws(np.random.default_rng(seed), others, 256)
        assert min(edit(picture, ["heavy_crop", then, "jpeg"], draws).shape) > 0


@pytest.mark.parametrize("size", [(160, 100), (100, 160), (160, 30)])
def test_a_watermark_is_what_it_would_be_of_words_beside_the_picture_too(size, monkeypatch):
    picture = np.full((size[1], size[0], 3), 99, np.uint8)
    found, whole = [], []
    for edited in (found, whole):
        edited += [
            layers.watermark(picture, Draws(np.random.default_rng(n), [], 160)) for n in (0, 1, 2)
        ]
        monkeypatch.setattr(layers, "_meets", lambda *_: True)
    np.testing.assert_array_equal(found, whole)


def test_the_work_for_a_watermark_of_a_strip_grows_with_its_length(monkeypatch):
    written = []
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda *_: written.append(strip.shape[1]))
    for length in (512, 1024):
        strip = np.zeros((8, length, 3), np.uint8)
        layers.watermark(strip, Draws(np.random.default_rng(0), [], length))
    assert 0 < written.count(1024) < 3 * written.count(512)
