"""Images read by another process while this one does something else, against reading them here."""

import multiprocessing
import os
import time

import numpy as np
import pytest
from PIL import Image, ImageOps

from iscqk.images import reading_ahead
from iscqk.images.reading_ahead import Ahead
from iscqk.images.squares import squares_of

SIDES = [48, 32]


@pytest.fixture
def paths(tmp_path):
    """Ten images, of which the third is broken and the fourth of one colour."""
    draw = np.random.default_rng(0)
    found = [tmp_path / f"{number}.jpg" for number in range(10)]
    for path in found:
        Image.fromarray(draw.integers(0, 255, (60, 80, 3), np.uint8)).save(path)
    found[2].write_bytes(found[2].read_bytes()[:200])
    Image.new("RGB", (60, 80), (200, 30, 30)).save(found[3])
    return found


def read(paths, sides=SIDES, trimmed=False):
    """Return what has been read when all has been."""
    ahead = Ahead(paths, sides, trimmed)
    deadline = time.monotonic() + 60
    while ahead._process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    ahead.stop()
    return ahead


def assert_read(ahead, path, trimmed=False):
    found, expected = ahead.find(path, SIDES, trimmed), squares_of(path, SIDES, trimmed)
    assert found.flat == expected.flat
    for one, other in zip(found.pixels, expected.pixels, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_read_is_what_reading_gives_and_a_broken_image_is_left(paths):
    ahead = read(paths)
    for path in paths[:2] + paths[3:]:
        assert_read(ahead, path)
    assert ahead.find(paths[3], SIDES).flat and not ahead.find(paths[4], SIDES).flat
    assert ahead.find(paths[2], SIDES) is None


def test_what_is_to_be_trimmed_is_read_so(paths):
    ImageOps.expand(Image.open(paths[0]), 30, "white").save(paths[0])
    ahead = read(paths, trimmed=True)
    for path in paths[:2]:
        assert_read(ahead, path, trimmed=True)
    assert ahead.find(paths[0], SIDES) is None


def test_an_image_that_changed_since_is_read_again(paths):
    ahead = read(paths)
    before = paths[5].stat()
    Image.new("RGB", (60, 80)).save(paths[5])
    os.utime(paths[5], ns=(before.st_atime_ns, before.st_mtime_ns))  # all but the inode's own time
    paths[6].unlink()
    assert ahead.find(paths[5], SIDES) is None and ahead.find(paths[6], SIDES) is None
    assert_read(ahead, paths[7])


def test_other_sides_and_other_images_are_not_there(paths, tmp_path):
    ahead = read(paths)
    assert ahead.find(paths[0], SIDES[:1]) is None and ahead.find(paths[0], SIDES[::-1]) is None
    assert ahead.find(tmp_path / "another.jpg", SIDES) is None
    assert ahead.find(paths[0].read_bytes(), SIDES) is None


def test_it_takes_no_more_memory_than_it_may(paths, monkeypatch):
    one = sum(3 * side**2 for side in SIDES)
    monkeypatch.setattr(reading_ahead, "MOST_BYTES", 2 * one + one // 2)
    ahead = read(paths)
    assert_read(ahead, paths[1])
    assert all(ahead.find(path, SIDES) is None for path in paths[2:])


def test_it_may_be_stopped_at_any_time(paths):
    ahead = Ahead(paths * 2, SIDES)
    ahead.stop()
    ahead.stop()
    assert not ahead._process.is_alive()
    for path in paths:
        if ahead.find(path, SIDES):
            assert_read(ahead, path)


def _in_a_pool(paths):
    return Ahead(paths, SIDES).find(paths[0], SIDES)


def test_a_process_that_may_have_no_others_reads_nothing_ahead(paths):
    with multiprocessing.Pool(1) as pool:
        assert pool.apply(_in_a_pool, (paths,)) is None
