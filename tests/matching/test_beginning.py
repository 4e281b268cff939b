"""What `match` does before torch is there is what the model would have done."""

import shutil

import numpy as np
import pytest

from iscqk.matching.beginning import read_ahead
from iscqk.matching.cache import Caches
from iscqk.matching.inputs import find_inputs
from iscqk.matching.model import Model
from iscqk.models.ready import ready_folder


@pytest.fixture(params=["ready", "two sizes"])
def own_model(request, tmp_path):
    """A model's folder, None for the ready one."""
    if request.param == "ready":
        return None
    shutil.copytree(ready_folder(), tmp_path / "model")
    settings = tmp_path / "model/matching.json"
    settings.write_text(settings.read_text().replace('"sizes": []', '"sizes": [64, 96]'))
    return tmp_path / "model"


def test_images_are_read_as_the_model_looks_at_them(folder, own_model):
    images = find_inputs("photos").images
    ahead = read_ahead(own_model, images, 2)
    ahead._process.join(60)
    model = Model.load(own_model, 1, ahead)
    sides = [look.pixels for look in model._looks_of_each("queries")]
    way = sides, model.looks.trimmed
    assert len(sides) == 2 and all(ahead.find(image, *way) for image in images)
    expected = Model.load(own_model, 1).describe(images)
    np.testing.assert_array_equal(model.describe(images), expected)


def test_nothing_is_read_ahead_by_one_thread_or_for_what_is_no_model(folder, tmp_path):
    images = find_inputs("photos").images
    assert read_ahead(None, images, 1) is None and read_ahead(None, [], 2) is None
    assert read_ahead(tmp_path, images, 2) is None
    (tmp_path / "matching.json").write_text("{}")
    assert read_ahead(tmp_path, images, 2) is None


def test_images_of_a_side_that_is_kept_are_not_new(folder):
    queries, references = find_inputs("scans"), find_inputs("photos")
    caches = Caches.of("matches")
    assert caches.new_images(queries, references) == [*queries.images, *references.images]
    caches.references.parent.mkdir()
    caches.references.touch()
    assert caches.new_images(queries, references) == queries.images
