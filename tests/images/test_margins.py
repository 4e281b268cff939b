"""Plain margins, found and taken off, and nothing else."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from iscqk.images.demo_scenes import draw_image
from iscqk.images.margins import without_margins
from iscqk.images.squares import squares_of, squeezed


@pytest.fixture(scope="module")
def picture():
    """Return a drawn picture that has no margin of its own."""
    rows = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    noise = Image.fromarray(rows).resize((240, 180), Image.Resampling.BICUBIC)
    return Image.blend(draw_image(0, "references", 3).resize((240, 180)), noise, 0.5)


def laid(picture, size, colour, place=(0, 0)):
    page = Image.new("RGB", size, colour)
    page.paste(picture, place)
    return page


def scanned(page):
    """A page as a scanner gives it: noise of 2 levels, one speck of dust."""
    noise = np.random.default_rng(1).normal(0, 2, np.shape(page))
    pixels = (np.asarray(page) + noise).clip(0, 255).astype(np.uint8)
    pixels[4, 10:12] = 0
    return Image.fromarray(pixels)


def captioned(page):
    ImageDraw.Draw(page).text((60, 20), "lol", "black", ImageFont.load_default(14))
    return page


PAGES = {
    "a frame": lambda p: ImageOps.expand(p, 30, "navy"),
    "a frame in a frame": lambda p: ImageOps.expand(ImageOps.expand(p, 20, "black"), 25, "white"),
    "bars above and below": lambda p: laid(p, (240, 420), "black", (0, 120)),
    "room to one side": lambda p: laid(p, (400, 180), (200, 30, 60)),
    "much room": lambda p: laid(p, (720, 540), "white", (100, 300)),
    "the bed of a scanner": lambda p: scanned(laid(p, (600, 800), (243, 243, 240), (150, 90))),
    "a caption": lambda p: captioned(laid(p, (240, 240), "white", (0, 60))),
    "a corner of two colours": lambda p: laid(laid(p, (240, 240), "red"), (300, 240), "blue"),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_what_is_around_a_picture_is_taken_off(page, picture):
    found = without_margins(page(picture))
    # As precisely as 160 lines tell, and less than three more of what was around it.
    assert np.abs(np.subtract(found.size, picture.size)).max() <= 3 * max(page(picture).size) / 160
    rest, wanted = (np.asarray(squeezed(each, 32), float) for each in (found, picture))
    assert np.abs(rest - wanted).mean() < 12


def test_a_jpeg_of_it_is_trimmed_likewise(picture, tmp_path):
    page = PAGES["much room"](picture)
    page.save(tmp_path / "page.jpg", quality=30)
    with Image.open(tmp_path / "page.jpg") as lossy:
        assert without_margins(lossy.convert("RGB")).size == without_margins(page).size


KEPT = {
    "no margin": lambda p: p,
    "a narrow one": lambda p: ImageOps.expand(p, 2, "white"),
    "one colour": lambda p: Image.new("RGB", p.size, "white"),
    "hardly anything on it": lambda p: laid(p.resize((6, 6)), (400, 400), "white", (200, 200)),
    "one line": lambda p: p.resize((200, 1)),
    "one pixel": lambda p: p.resize((1, 1)),
}


@pytest.mark.parametrize("image", KEPT.values(), ids=KEPT)
def test_what_has_no_margin_to_speak_of_is_left(image, picture):
    assert without_margins(image(picture)) is None


def test_a_trimmed_image_is_looked_at_twice_and_one_without_margins_is_the_same_twice(picture):
    page = PAGES["a frame"](picture)
    once, twice = squares_of(page, [16, 24]), squares_of(page, [16, 24], trimmed=True)
    assert [each.shape for each in once.pixels] == [(1, 16, 16, 3), (1, 24, 24, 3)]
    assert [each.shape for each in twice.pixels] == [(2, 16, 16, 3), (2, 24, 24, 3)]
    for one, two, side in zip(once.pixels, twice.pixels, (16, 24), strict=True):
        assert np.array_equal(one[0], two[0])
        assert np.array_equal(two[1], np.asarray(squeezed(without_margins(page), side)))
    (pixels,), _ = squares_of(picture, [16], trimmed=True)
    assert np.array_equal(pixels[0], pixels[1])
