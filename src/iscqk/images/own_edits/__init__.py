"""Edits that AugLy has not, in Pillow and numpy, by subject.

Each is a function like AugLy's: the image and arguments by name. Places and sizes among them are
fractions of the image, and `seed` stands for what is too much to name, such as grain or words. At
160 pixels a side they take a millisecond or two, as training makes its copies while it runs.
"""

from iscqk.images.edit_interface import Edit
from iscqk.images.own_edits import (
    blending,
    captions,
    collages,
    cropping,
    erasing,
    focus,
    framing,
    memes,
    overlays,
    paper,
    pasting,
    reduced,
    retaken,
    screens,
    stickers,
    textures,
    tones,
    warping,
)
from iscqk.schema.registry import joined

SUBJECTS = (
    blending,
    captions,
    collages,
    cropping,
    erasing,
    focus,
    framing,
    memes,
    overlays,
    paper,
    pasting,
    reduced,
    retaken,
    screens,
    stickers,
    textures,
    tones,
    warping,
)
EDITS: dict[str, Edit] = joined("edit", *(subject.EDITS for subject in SUBJECTS))
