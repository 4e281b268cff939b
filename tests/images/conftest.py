"""Folders of a few small images."""

import pytest
from wild import write_image


@pytest.fixture
def folders(tmp_path):
    for number in range(5):
        write_image(tmp_path / f"training/sub {number % 2}/picture {number}.png", number)
        write_image(tmp_path / f"references/ré{number}.jpg", 100 + number)
        write_image(tmp_path / f"others/-o{number}.jpg", 200 + number)
    return tmp_path
