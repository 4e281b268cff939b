"""Images as they are in the wild: each is opened right, or named as bad with the reason."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from wild import CASES, Good

from iscqk.images.opening import FORMATS, BadImage, declared_size, fault_of, open_image


@pytest.mark.parametrize("name", CASES)
def test_an_image_is_opened_right_or_named(name, tmp_path):
    case, path = CASES[name], tmp_path / name
    path.write_bytes(case.content())
    if not isinstance(case, Good):
        with pytest.raises(BadImage, match=case.reason) as told:
            open_image(path)
        message = str(told.value)
        assert message.startswith(f"{path}: cannot read this image (") and "\n" not in message
        assert told.value.reason and str(path) not in told.value.reason
        return
    opened = open_image(path)
    assert opened.mode == "RGB" and opened.size == declared_size(path) == case.size
    if case.pixels is not None:
        assert np.abs(np.asarray(opened).astype(int) - case.pixels).max() <= case.within


def test_frames_that_are_damaged_are_not_looked_at():
    """The second is the first that shows something, and its checksum is another."""
    black, *shown = Image.new("RGB", (144, 108)), *(noise(seed) for seed in (1, 2))
    file = BytesIO()
    black.save(file, "PNG", save_all=True, append_images=shown)
    whole = file.getvalue()
    second = whole.index(b"fdAT")
    end = second + 4 + int.from_bytes(whole[second - 4 : second])
    damaged = whole[:end] + bytes([whole[end] ^ 1]) + whole[end + 1 :]
    for content, seen in ((whole, shown[0]), (damaged, black)):
        np.testing.assert_array_equal(open_image(content), seen)


def noise(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (108, 144, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_an_image_that_pillow_has_opened_is_what_its_file_is(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(CASES[name].content())
    try:
        given = Image.open(path, formats=FORMATS)
    except Exception:  # of Pillow, to whoever opens it
        return
    with given:
        if isinstance(CASES[name], Good):
            np.testing.assert_array_equal(open_image(given), open_image(path))
            return
        if "exceeds limit" in CASES[name].reason:  # whoever opens it is warned by Pillow
            return
        with pytest.raises(BadImage, match=CASES[name].reason):
            open_image(given)
        assert "cannot read this image (" in str(fault_of(given))  # by now it may be loaded
