"""`iscqk duplicates` of files that are the same to the byte, which edits are no test of."""

import shutil

import pytest
from PIL import Image

import iscqk
from iscqk.images.demo_scenes import draw_split


@pytest.mark.parametrize("edited", [0, 10], ids=["alone", "beside edited ones"])
def test_every_file_that_is_there_twice_is_found(folder, model_folder, edited):
    """Their similarity is 1 by one way to reckon it, and by another a little less or more."""
    draw_split("album", "references", 120, 5, 48, 1)
    pairs = {f"album/R{number:06}.jpg": f"album/S{number:06}.jpg" for number in range(60)}
    for number, (path, other) in enumerate(pairs.items()):
        shutil.copy(path, other)
        if number < edited:
            with Image.open(path) as image:
                image.save(other, quality=60)
    found = iscqk.duplicates("album", model_folder)
    group = found.set_index("image")["group"]
    assert [
        path for path, other in pairs.items() if group.get(path, -1) != group.get(other, -2)
    ] == []


def test_a_picture_that_is_there_very_often_is_one_group(folder, model_folder):
    draw_split("album", "references", 120, 5, 48, 1)
    for number in range(70):
        shutil.copy("album/R000007.jpg", f"album/again{number:02}.jpg")
    found = iscqk.duplicates("album", model_folder)
    group = found[found["image"] == "album/R000007.jpg"]["group"].item()
    assert found[found["group"] == group]["image"].str.contains("again").sum() == 70
    one = "scans/again.jpg"
    shutil.copy("album/R000007.jpg", one)
    for top in (1, 100):
        nearest = iscqk.match(one, "album", model_folder, top=top).iloc[0]
        assert nearest["likely"] and nearest["similarity"] == pytest.approx(1)
