"""Every AugLy image function behind the door: whole, pure, and AugLy indeed."""

import inspect
import random
import subprocess
import sys

import numpy as np
import pytest
from augly.image import functional
from PIL import Image

from iscqk.errors import UserError
from iscqk.images.edits import EDIT_NAMES, apply_edit

SIZES = [(16, 16), (40, 300), (300, 200)]


def picture(size, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def another(rng):
    return picture((60, 50), int(rng.integers(1000)))


def edited(name, strength=0.5, seed=1, size=(96, 72)):
    return apply_edit(picture(size), name, strength, np.random.default_rng(seed), another)[0]


def test_all_image_functions_of_augly_are_covered():
    public = {
        name
        for name, function in inspect.getmembers(functional, inspect.isfunction)
        if function.__module__ == functional.__name__ and not name.startswith("_")
    }
    assert set(EDIT_NAMES) == public and len(public) == 35


@pytest.mark.parametrize("name", EDIT_NAMES)
def test_every_edit_gives_an_image_at_any_strength_and_size(name):
    for strength in (0.0, 0.5, 1.0):
        for size in SIZES:
            image = edited(name, strength, size=size)
            assert image.mode == "RGB" and min(image.size) >= 8
            assert image.width * image.height <= 4_000_000


@pytest.mark.parametrize("name", EDIT_NAMES)
def test_an_edit_depends_on_its_arguments_alone(name):
    random.seed(1)
    np.random.seed(1)
    first = edited(name)
    state, numpy_state = random.getstate(), np.random.get_state()[1].tolist()
    random.seed(2)
    np.random.seed(2)
    assert edited(name).tobytes() == first.tobytes()
    random.seed(1)
    np.random.seed(1)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == (state, numpy_state)


@pytest.mark.parametrize("name", ["random_noise", "shuffle_pixels", "perspective_transform"])
def test_fixed_seeds_of_augly_are_neutralised(name):
    assert edited(name, seed=1).tobytes() != edited(name, seed=2).tobytes()


@pytest.mark.parametrize("name", ["blur", "brightness", "pixelization", "random_noise", "rotate"])
def test_more_strength_changes_more(name):
    original = np.asarray(picture((96, 72)), dtype=float)
    changes = []
    for strength in (0.05, 0.5, 1.0):
        image = edited(name, strength, seed=3).resize((96, 72))
        changes.append(np.abs(np.asarray(image, dtype=float) - original).mean())
    assert changes == sorted(changes) and changes[-1] > 1.5 * changes[0]


@pytest.mark.parametrize("name", ["blur", "brightness", "random_noise", "hflip", "pad"])
def test_the_edit_is_augly_s_own(name):
    image = picture((96, 72))
    ours, parameters = apply_edit(image, name, 0.5, np.random.default_rng(5), another)
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    theirs = getattr(functional, name)(image, **parameters).convert("RGB")
    assert ours.tobytes() == theirs.tobytes()


def test_unknown_names_and_strengths_are_refused():
    with pytest.raises(UserError, match=r"blurr.*blur"):
        edited("blurr")
    with pytest.raises(UserError, match=r"strength .* not 1.5"):
        edited("blur", 1.5)


def test_workers_that_edit_do_not_import_torch():
    code = "import sys, iscqk.images.copying; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
