"""Any image file becomes upright RGB, or a one-line error."""

import io

import numpy as np
import pytest
from PIL import Image

from iscqk.errors import UserError
from iscqk.images.opening import open_image

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA"])
def test_modes_become_rgb(mode):
    opened = open_image(encoded(Image.fromarray(PIXELS).convert(mode), "PNG"))
    assert opened.mode == "RGB" and opened.size == (20, 12)


def test_cmyk_becomes_rgb():
    assert open_image(encoded(Image.fromarray(PIXELS).convert("CMYK"), "JPEG")).mode == "RGB"


def test_sixteen_bits_are_scaled_and_not_clipped():
    deep = Image.fromarray((np.arange(256, dtype=np.uint16) * 257).reshape(16, 16))
    opened = np.asarray(open_image(encoded(deep, "PNG")))[..., 0]
    assert (opened.ravel() == np.arange(256)).all()


def test_transparent_parts_are_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert np.asarray(open_image(encoded(clear, "PNG"))).min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = Image.fromarray(np.repeat(np.repeat(PIXELS[:3, :5], 8, 0), 8, 1))
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_image(encoded(stored, "PNG", exif=exif))
    assert np.array_equal(np.asarray(opened), np.asarray(upright))


def test_a_large_jpeg_is_decoded_small_when_that_is_enough():
    large = Image.fromarray(PIXELS).resize((800, 480))
    small = open_image(encoded(large, "JPEG"), enough=64)
    assert 64 <= min(small.size) < 480 and abs(small.width / small.height - 800 / 480) < 0.05


def test_a_bomb_is_refused():
    with pytest.raises(UserError, match=r"cannot read this image .*exceeds limit"):
        open_image(encoded(Image.new("1", (20_000, 20_000)), "PNG"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.jpg: no such image"):
        open_image(tmp_path / "none.jpg")
