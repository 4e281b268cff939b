"""Images as they are in the wild: each is opened right, or named as bad with the reason."""

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
