"""The classes of edit of each phase, and the chains that queries get.

Phase 1 is moderate: a person sees at a glance what was copied. Phase 2 is severe and knows other
edits: some of its copies take a person a while. A class belongs to a group, and a chain takes no
two edits of one group, so that nothing is cropped twice or drawn as outlines of a halftone.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from iscqk.bench.independent import extents, layers, screens, textures, tones, views
from iscqk.bench.independent.draws import Draws, Picture, resized

Edit = Callable[[Picture, Draws], Picture]

_LEAST = 16  # pixels of a side, of which every edit leaves some


class EditClass(NamedTuple):
    """A class of edit: how it is made, and what it competes with."""

    group: str
    edit: Edit


class Phase(NamedTuple):
    """What a phase's queries get.

    Attributes:
        classes: one of them leads each chain, by turns.
        length: shares of the chains of 1, 2, 3 and 4 edits.
        moderate: share of the rest of the chains that is of phase 1's classes.
    """

    classes: dict[str, EditClass]
    length: tuple[float, float, float, float]
    moderate: float


_MODERATE = {
    "crop": EditClass("extent", partial(extents.crop, kept=(0.3, 0.7))),
    "border": EditClass("extent", extents.border),
    "on_background": EditClass("extent", partial(extents.on_background, share=(0.4, 0.75))),
    "flip": EditClass("view", views.flip),
    "rotation": EditClass("view", views.rotation),
    "stretch": EditClass("view", views.stretch),
    "light": EditClass("tone", tones.light),
    "colour": EditClass("tone", tones.colour),
    "grey": EditClass("tone", tones.grey),
    "filter": EditClass("tone", tones.filtered),
    "blur": EditClass("texture", partial(textures.blur, radius=(5, 16))),
    "jpeg": EditClass("texture", textures.jpeg),
    "noise": EditClass("texture", textures.light_noise),
    "sharpened": EditClass("texture", textures.sharpened),
    "small": EditClass("texture", textures.small),
    "text": EditClass("layer", layers.text),
    "overlay": EditClass("layer", layers.overlay),
    "watermark": EditClass("layer", layers.watermark),
}
_SEVERE = {
    "heavy_crop": EditClass("extent", partial(extents.crop, kept=(0.1, 0.25))),
    "pasted_small": EditClass("extent", partial(extents.on_background, share=(0.1, 0.25))),
    "collage": EditClass("extent", extents.collage),
    "cut_out": EditClass("extent", extents.cut_out),
    "quarter_turn": EditClass("view", views.quarter_turn),
    "half_turn": EditClass("view", views.half_turn),
    "perspective": EditClass("view", views.perspective),
    "warp": EditClass("view", views.warp),
    "mirrored_half": EditClass("view", views.mirrored_half),
    "shuffled_tiles": EditClass("view", views.shuffled_tiles),
    "false_colours": EditClass("tone", tones.false_colours),
    "strong_blur": EditClass("texture", partial(textures.blur, radius=(22, 45))),
    "strong_noise": EditClass("texture", textures.strong_noise),
    "halftone": EditClass("texture", textures.halftone),
    "edges": EditClass("texture", textures.edges),
    "threshold": EditClass("texture", textures.threshold),
    "painting": EditClass("texture", textures.painting),
    "pixelated": EditClass("texture", textures.pixelated),
    "blend": EditClass("layer", layers.blend),
    "stickers": EditClass("layer", layers.stickers),
    "scribbles": EditClass("layer", layers.scribbles),
    "captions": EditClass("layer", layers.captions),
    "screenshot": EditClass("screen", screens.screenshot),
    "rephotographed": EditClass("screen", screens.rephotographed),
}
CLASSES = _MODERATE | _SEVERE
PHASES = {
    "phase1": Phase(_MODERATE, (0.45, 0.38, 0.17, 0), 1),
    "phase2": Phase(_SEVERE, (0, 0.55, 0.32, 0.13), 0.8),
}


def draw_chain(phase: str, first: str, rng: np.random.Generator) -> list[str]:
    """Return the classes of a query, of which `first` is one, in the order of their edits.

    What a screen does comes last.
    """
    _, length, moderate = PHASES[phase]
    chain, groups = [first], {CLASSES[first].group}
    for _ in range(int(rng.choice(4, p=length))):
        pool = _MODERATE if rng.random() < moderate else _SEVERE
        left = [name for name, one in pool.items() if one.group not in groups]
        chain.append(left[rng.integers(len(left))])
        groups.add(CLASSES[chain[-1]].group)
    mixed = [chain[i] for i in rng.permutation(len(chain))]
    return sorted(mixed, key=lambda name: CLASSES[name].group == "screen")


def edit(picture: Picture, chain: list[str], draws: Draws) -> Picture:
    """Return a picture after the edits of a chain, before each of which a strip is made wider."""
    for name in chain:
        height, width = picture.shape[:2]
        if min(height, width) < _LEAST:
            picture = resized(picture, max(width, _LEAST), max(height, _LEAST))
        picture = np.ascontiguousarray(CLASSES[name].edit(picture, draws))
    return picture
