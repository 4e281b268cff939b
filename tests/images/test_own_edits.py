"""Edits of our own: mild at strength 0, whole at any size, and what is laid lies where told."""

import functools

import numpy as np
import pytest
from PIL import Image

from iscqk.images import augly_edits, own_edits
from iscqk.images.edits import apply_edit, find_edit
from iscqk.images.own_edits import laying, reduced
from iscqk.images.parameter_sampler import ParameterSampler

NAMES = sorted(own_edits.EDITS)
NO_STRENGTH = {name for name, edit in own_edits.EDITS.items() if not edit.has_strength}
SHAPES = [(8, 8), (9, 13), (16, 160), (160, 16), (160, 120)]
PLAIN = (255, 0, 254)  # a colour that nothing else has


@functools.cache
def picture(size=(160, 120), seed=0):
    """Large shapes with some detail, as in a photograph."""
    rng = np.random.default_rng(seed)
    fine, coarse = (
        Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(size)
        for side in (40, 5)
    )
    return Image.blend(coarse, fine, 0.25)


def another(rng):
    return picture((120, 160), 100 + int(rng.integers(20)))


def edited(name, strength, seed=1, size=(160, 120)):
    return apply_edit(picture(size), name, strength, np.random.default_rng(seed), another)[0]


def thumbnail(image):
    return np.asarray(image.resize((16, 12), Image.Resampling.BOX), dtype=float)


def change(name, strength):
    """Return by how many of 255 levels a thumbnail changes, the median of several seeds.

    Thumbnails of two images differ by some 50.
    """
    before = thumbnail(picture())
    copies = [edited(name, strength, seed) for seed in range(7)]
    return np.median([np.abs(before - thumbnail(copy)).mean() for copy in copies])


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_gives_an_image_of_any_shape(name):
    cases = [(size, strength) for size in SHAPES for strength in (0.0, 0.5, 1.0)]
    for size, strength in [*cases, ((512, 300), 0.8)]:
        image = edited(name, strength, size=size)
        assert image.mode == "RGB" and min(image.size) >= 8, (size, strength)
        assert 0.08 < image.width * image.height / (size[0] * size[1]) < 8, (size, strength)


# Thumbnails are squeezed into one shape, so that a stretch is not seen in them, and are as coarse
# as what a mosaic and a thumbnail leave.
@pytest.mark.parametrize(
    "name", sorted({*NAMES} - NO_STRENGTH - {"stretch", "mosaic", "thumbnail"})
)
def test_more_strength_changes_more_and_none_little(name):
    mild, middle, severe = (change(name, strength) for strength in (0.0, 0.5, 1.0))
    assert mild < 22 and mild < middle and 1.3 * mild + 0.5 < severe


def test_what_has_no_strength_says_so():
    assert {"kaleidoscope", "negative", "quarter_turn", "transpose"} == NO_STRENGTH
    augly = {name for name, edit in augly_edits.EDITS.items() if not edit.has_strength}
    assert augly == {"grayscale", "hflip", "pad_square", "vflip"}


@pytest.mark.parametrize("name", sorted(NO_STRENGTH))
def test_some_edits_happen_or_not(name):
    assert change(name, 0.0) == change(name, 1.0) > 22


def test_a_stretch_changes_the_shape():
    images = [edited("stretch", strength) for strength in (0.0, 0.5, 1.0)]
    mild, middle, severe = (abs(np.log(image.width / image.height * 3 / 4)) for image in images)
    assert 0 < mild < 0.1 < middle < 1 < severe


@pytest.mark.parametrize("name", ["mosaic", "thumbnail"])
def test_a_coarse_picture_loses_more_the_stronger_the_edit(name):
    before = np.asarray(picture(), dtype=float)
    copies = [np.asarray(edited(name, strength), dtype=float) for strength in (0.0, 0.5, 1.0)]
    mild, middle, severe = (np.abs(before - copy).mean() for copy in copies)
    assert mild < 10 and 1.5 * mild < middle and 1.3 * middle < severe


def test_a_mosaic_has_as_many_squares_as_told():
    squares = np.asarray(reduced.coarse(picture(), 16, smooth=False)).reshape(12, 10, 16, 10, 3)
    assert (squares == squares[:, :1, :, :1]).all()
    means = np.asarray(picture(), dtype=float).reshape(12, 10, 16, 10, 3).mean((1, 3))
    assert np.abs(squares[:, 0, :, 0] - means).max() <= 1


@pytest.mark.parametrize("name", ["line_art", "two_levels"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_from_half_strength_on_two_levels_are_left(name, strength):
    for seed in range(5):
        pixels = np.asarray(edited(name, strength, seed))
        assert {*np.unique(pixels)} == {0, 255}, seed
        assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize("near", [False, True])
def test_one_colour_has_two_levels_too(near):
    plain = reduced.two_levels(Image.new("RGB", (40, 30), (90, 90, 90)), 1, 0.02, 0.5, near)
    assert len(np.unique(np.asarray(plain))) == 1


@pytest.mark.parametrize("ground", [0, 90, 255])
@pytest.mark.parametrize("dark", [0.3, 0.7])
def test_what_is_small_on_a_plain_ground_is_seen_in_two_levels(ground, dark):
    image = Image.new("RGB", (160, 120), (ground,) * 3)
    image.paste(picture((50, 40)), (60, 50))
    pixels = np.asarray(reduced.two_levels(image, 1, 0.02, dark, near=False))
    assert 0 < (pixels == 0).mean() < 1


@pytest.mark.parametrize("name", NAMES)
def test_something_of_the_image_is_left_at_high_strength(name):
    """Copies of two images differ, though all else is drawn alike."""
    first, second = (
        apply_edit(picture(seed=seed), name, 0.8, np.random.default_rng(3), another)[0]
        for seed in (1, 2)
    )
    assert np.abs(thumbnail(first) - thumbnail(second)).mean() > 3


@pytest.mark.parametrize("name", NAMES)
def test_a_function_keeps_its_images_and_its_arguments_decide(name):
    edit, image, other = find_edit(name), picture(), picture((120, 160), 9)
    before = (image.tobytes(), other.tobytes())
    sampler = ParameterSampler(image.size, 0.6, np.random.default_rng(4), lambda rng: other)
    parameters = edit.parameters(sampler)
    arguments = parameters | edit.objects(sampler, parameters)
    first = edit.function(image, **arguments).tobytes()
    assert edit.function(image, **arguments).tobytes() == first != image.tobytes()
    assert (image.tobytes(), other.tobytes()) == before


@pytest.mark.parametrize("size", [(160, 120), (33, 160), (8, 8)])
@pytest.mark.parametrize("edge", ["plain", "soft"])
def test_no_dark_seam_is_around_what_is_laid(size, edge):
    white = Image.new("RGB", size, "white")
    for degrees in (0, 1, 5, 45, 90):
        for tilt in ((0, 0), (0.02, 0.01), (0.3, 0.1)):
            for extent in (1, 0.97, 0.5):
                corners = laying.fitted(white, size, extent, (0.3, 0.6))
                corners = laying.turned(laying.tilted(corners, *tilt), degrees)
                assert np.asarray(laying.lay(white, white, corners, edge)).min() > 250


def test_what_is_laid_comes_where_its_corners_are():
    ground, red = Image.new("RGB", (100, 80), "white"), Image.new("RGB", (40, 40), "red")
    laid = np.asarray(laying.lay(ground, red, laying.box_corners(20, 10, 50, 40)))
    shown = (laid == (255, 0, 0)).all(axis=-1)
    assert shown[12:48, 22:68].all() and shown.sum() <= 50 * 40
    corners = laying.inside(laying.turned(laying.box_corners(60, 50, 60, 60), 30), (100, 80))
    assert (corners > -1e-9).all() and (corners < (100 + 1e-9, 80 + 1e-9)).all()


@pytest.mark.parametrize(
    "name", ["collage_of_two", "collage_of_four", "collage_of_six", "screenshot_feed"]
)
def test_the_image_is_seen_whole_among_others(name):
    image = Image.new("RGB", (160, 120), PLAIN)
    for seed in range(4):
        shown = apply_edit(image, name, 1.0, np.random.default_rng(seed), another)[0]
        mask = (np.asarray(shown) == PLAIN).all(axis=-1)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert mask.sum() == height * width and 0.08 < mask.mean() < 0.75
        assert width / height == pytest.approx(160 / 120, rel=0.15)
