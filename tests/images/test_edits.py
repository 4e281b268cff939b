"""Every edit, whole and pure; all of AugLy's image functions are there, and they are AugLy's."""

import inspect
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from augly.image import functional
from blurred_noise import another, picture
from PIL import Image, ImageFont

from iscqk.errors import UserError
from iscqk.images import augly_edits, edits, own_edits
from iscqk.images.augly_adapter import emoji_names, letter_indices
from iscqk.images.edit_interface import Edit
from iscqk.images.edits import EDIT_NAMES, apply_edit
from iscqk.images.overlay_parameters import FONTS
from iscqk.images.sanitize import sanitize

SIZES = [(16, 16), (40, 300), (300, 200)]


def edited(name, strength=0.5, seed=1, size=(96, 72)):
    return apply_edit(picture(size), name, strength, np.random.default_rng(seed), another)[0]


def test_all_image_functions_of_augly_are_covered():
    public = {
        name
        for name, function in inspect.getmembers(functional, inspect.isfunction)
        if function.__module__ == functional.__name__ and not name.startswith("_")
    }
    assert set(augly_edits.EDITS) == public and len(public) == 35


def test_no_name_of_ours_is_one_of_augly_s():
    assert not set(augly_edits.EDITS) & set(own_edits.EDITS)
    assert len(EDIT_NAMES) == len(augly_edits.EDITS) + len(own_edits.EDITS) >= 65


@pytest.mark.parametrize("name", augly_edits.EDITS)
def test_every_edit_of_augly_gives_an_image_at_any_strength_and_size(name):
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


def test_a_screenshot_is_augly_s_own_however_often_its_template_was_used():
    """The template is decoded once, and AugLy paints into what it gets."""
    for seed, size in ((1, (96, 72)), (2, (300, 40)), (3, (96, 72))):
        image, rng = picture(size, seed), np.random.default_rng(seed)
        ours, parameters = apply_edit(image, "overlay_onto_screenshot", 0.5, rng, another)
        folder = functional.utils.SCREENSHOT_TEMPLATES_DIR
        template = os.path.join(folder, parameters.pop("template_filepath"))
        image = sanitize(image, 64)
        theirs = functional.overlay_onto_screenshot(image, None, template, **parameters)
        assert ours.tobytes() == sanitize(theirs).tobytes()


def test_the_mended_warp_is_that_of_augly_on_an_old_numpy(monkeypatch):
    image = picture((96, 72))
    ours, parameters = apply_edit(
        image, "perspective_transform", 0.7, np.random.default_rng(5), another
    )
    monkeypatch.setattr(np, "float", float, raising=False)
    assert ours.tobytes() == functional.perspective_transform(image, **parameters).tobytes()


def test_a_meme_is_the_image_under_a_caption_with_letters():
    image = picture((96, 72))
    meme, parameters = apply_edit(image, "meme_format", 0.5, np.random.default_rng(5), another)
    height = parameters["caption_height"]
    assert meme.size == (96, 72 + height)
    assert meme.crop((0, height, 96, 72 + height)).tobytes() == image.tobytes()
    pixels = np.asarray(meme.crop((0, 0, 96, height))).reshape(-1, 3)
    for colour in ("meme_bg_color", "text_color"):
        assert (pixels == parameters[colour]).all(axis=1).sum() > 20


@pytest.mark.parametrize("name", ["meme_format", "overlay_text", "perspective_transform"])
def test_mends_are_gone_after_the_call_even_if_it_fails(name, monkeypatch):
    edited(name)
    monkeypatch.setattr(functional, name, lambda image, **arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        edited(name)
    assert functional.ImageFont is ImageFont and functional.imutils.utils.np is np
    assert not hasattr(np, "float") and not hasattr(ImageFont.FreeTypeFont, "getsize_multiline")


def test_importing_augly_leaves_the_global_generators_alone():
    code = (
        "import random, numpy, sys; random.seed(1); numpy.random.seed(1)\n"
        "from PIL import Image; from iscqk.images.edits import apply_edit\n"
        "assert 'augly' not in sys.modules\n"
        "image = Image.new('RGB', (32, 32))\n"
        "apply_edit(image, 'blur', 0.5, numpy.random.default_rng(0), None)\n"
        "assert 'augly' in sys.modules and 'torch' not in sys.modules\n"
        "print(random.random(), numpy.random.random())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        str(random.Random(1).random()),
        str(np.random.RandomState(1).random_sample()),
    ]


def test_emojis_and_letters_are_there_in_one_order():
    assert len(emoji_names()) == 872 and list(emoji_names()) == sorted(emoji_names())
    assert not any(os.path.isabs(name) for name in emoji_names())
    assert all(len(letter_indices(font)) == 52 for font in FONTS)


@pytest.mark.parametrize("size", [(1, 1), (8, 10), (8, 1500), (1500, 8)])
def test_the_thinnest_images_break_no_edit(size):
    for name in EDIT_NAMES:
        for seed in (1, 2):
            assert min(edited(name, 1.0, seed, size).size) >= 8


def test_what_is_transparent_is_laid_on_white():
    image = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    shown = apply_edit(image, "hflip", 0.5, np.random.default_rng(0), another)[0]
    assert shown.getcolors() == [(200, (255, 255, 255))]


def test_unknown_names_and_strengths_are_refused():
    with pytest.raises(UserError, match=r"blurr.*blur"):
        edited("blurr")
    with pytest.raises(UserError, match=r"strength .* not 1.5"):
        edited("blur", 1.5)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (Edit(lambda image: np.asarray(image)), "its function returns ndarray; return a Pillow im"),
        (Edit(lambda image: None), "its function returns NoneType"),
        (
            Edit(lambda image, size: image, lambda sampler: {"size": np.int64(3)}),
            "its parameters hold what JSON cannot .* int64 .*; make numpy's numbers int",
        ),
    ],
)
def test_an_edit_of_ones_own_that_gives_something_else_is_told(monkeypatch, edit, complaint):
    monkeypatch.setitem(edits.EDITS, "own", edit)
    with pytest.raises(UserError, match=f"^edit own: {complaint}"):
        edited("own")


def test_workers_that_edit_do_not_import_torch():
    code = "import sys, iscqk.images.copier; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
