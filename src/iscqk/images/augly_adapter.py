"""The adapter to AugLy 1.0.0: the only module of the project that imports it.

Behind it are mended, during a call and inside AugLy's own modules only:

* `meme_format` asks fonts for `getsize_multiline`, which Pillow 10 removed;
* `perspective_transform` asks numpy for `np.float`, which numpy 1.24 removed;
* text is laid out by libraqm, which fails where it is built without HarfBuzz and differs from
  machine to machine: the basic layout is always used instead;
* `overlay_onto_screenshot` decodes its large template anew in every call: it is kept;
* `random_noise` and `shuffle_pixels` reseed numpy's global generator: it is put back after them.
  No other function touches a global generator, but AugLy's import draws from `random`.

Not for threads, as AugLy itself is not: workers are processes.
"""

import functools
import json
import os
import pickle
import random
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFont

from iscqk.errors import UserError


def call_augly(name: str, image: Image.Image, /, **arguments: Any) -> Image.Image:
    """Return `augly.image.functional.<name>(image, **arguments)`.

    Paths of fonts, emojis and screenshots in `arguments` are relative to AugLy's own folders. The
    global generators stay as they were. A failure is AugLy's own exception: a bug in the
    arguments, not the user's fault.
    """
    function = getattr(import_augly(), name)
    with _MENDS.get(name, nullcontext)():
        return function(image, **_with_asset_paths(arguments))


@functools.cache
def emoji_names() -> tuple[str, ...]:
    """Return the emojis in AugLy, as "smileys/smiling_face.png", in the same order everywhere."""
    folder = Path(import_augly().utils.EMOJI_DIR)
    return tuple(sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.png")))


@functools.cache
def letter_indices(font_file: str) -> tuple[int, ...]:
    """Return the numbers that stand for a-z and A-Z in `overlay_text` with this font of AugLy's."""
    path = Path(import_augly().utils.FONTS_DIR, font_file).with_suffix(".pkl")
    with open(path, "rb") as file:
        characters = [chr(code) for code in pickle.load(file)]  # of AugLy's package, not a user's
    return tuple(i for i, c in enumerate(characters) if c.isascii() and c.isalpha())


@functools.lru_cache(256)
def emoji(name: str) -> Image.Image:
    """Return one of `emoji_names()` in RGBA, 72 x 72; not to be changed."""
    return Image.open(os.path.join(import_augly().utils.EMOJI_DIR, name)).convert("RGBA")


@functools.lru_cache(256)
def font(font_file: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font of AugLy's at a size in pixels."""
    return _Font(os.path.join(import_augly().utils.FONTS_DIR, font_file), size)


@functools.cache
def import_augly() -> Any:
    """Import AugLy when it is first needed: 0.3 s that stages without edits need not spend.

    Raises:
        UserError: it is not there, or the library that it needs.
    """
    state = random.getstate()
    try:
        from augly.image import functional
    except ImportError as error:
        remedy = (
            "install augly==1.0.0 and the libmagic library (apt-get install libmagic1, "
            "brew install libmagic, conda install -c conda-forge libmagic)"
        )
        raise UserError(f"AugLy cannot be imported ({error}): {remedy}") from error
    finally:
        random.setstate(state)
    return functional


def _with_asset_paths(arguments: Mapping[str, Any]) -> dict[str, Any]:
    folders = {
        "emoji_path": import_augly().utils.EMOJI_DIR,
        "font_file": import_augly().utils.FONTS_DIR,
        "template_filepath": import_augly().utils.SCREENSHOT_TEMPLATES_DIR,
    }
    return {
        key: os.path.join(folders[key], value) if key in folders else value
        for key, value in arguments.items()
    }


class _Font(ImageFont.FreeTypeFont):
    """A font laid out by Pillow itself that still has the method of Pillow 9."""

    def __init__(self, font: str, size: float) -> None:
        super().__init__(font, size, layout_engine=ImageFont.Layout.BASIC)

    def getsize_multiline(self, text: str, spacing: int = 4) -> tuple[int, int]:
        """Return (width, height) in pixels, as Pillow 9.5 did."""
        lines = text.split("\n")
        width = max(right - left for left, _, right, _ in map(self.getbbox, lines))
        height = self.getbbox("A")[3] + spacing
        return int(width), int(len(lines) * height - spacing)


_OLD_IMAGE_FONT = types.SimpleNamespace(truetype=_Font)
_OLD_NUMPY = types.SimpleNamespace(**vars(np) | {"float": float})


@contextmanager
def _old_image_font() -> Iterator[None]:
    with _replaced(import_augly(), "ImageFont", _OLD_IMAGE_FONT):
        yield


@contextmanager
def _old_numpy() -> Iterator[None]:
    with _replaced(import_augly().imutils.utils, "np", _OLD_NUMPY):
        yield


@functools.cache
def _template_and_box(template_file: str, boxes_file: str) -> tuple[Image.Image, list[int]]:
    """Return a template and the box in it that every call paints over as a whole."""
    template = Image.open(template_file)
    template.load()
    return template, json.loads(Path(boxes_file).read_text())[Path(template_file).name]


@contextmanager
def _templates_kept() -> Iterator[None]:
    with _replaced(import_augly().imutils, "get_template_and_bbox", _template_and_box):
        yield


@contextmanager
def _replaced(module: Any, attribute: str, old_library: object) -> Iterator[None]:
    """Give a module of AugLy the old library under the name it knows."""
    library = getattr(module, attribute)
    setattr(module, attribute, old_library)
    try:
        yield
    finally:
        setattr(module, attribute, library)


@contextmanager
def _numpy_generator_kept() -> Iterator[None]:
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)


# By name, so that the other functions, most of which are fast, are called without any detour.
_MENDS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "meme_format": _old_image_font,
    "overlay_onto_screenshot": _templates_kept,
    "overlay_text": _old_image_font,
    "perspective_transform": _old_numpy,
    "random_noise": _numpy_generator_kept,
    "shuffle_pixels": _numpy_generator_kept,
}
