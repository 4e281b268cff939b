"""Drawn pages of text: images that are all much alike, though none is a copy of another."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from iscqk.bench.independent.draws import font

_WIDTH, _HEIGHT, _MARGIN, _LINE = 620, 877, 50, 22  # pixels of A4 at 75 to the inch
_LETTERS = tuple("aaabcdeeeefghiiijklmnnnoooprrrssstttuuvwyz")


def draw_pages(folder: Path, count: int, seed: int) -> None:
    """Write `count` pages as PNG into a new folder, the first ones the same of any count."""
    folder.mkdir(parents=True)
    for number in range(count):
        _page(np.random.default_rng((seed, number))).save(folder / f"P{number:06d}.png")


def _page(rng: np.random.Generator) -> Image.Image:
    page = Image.new("L", (_WIDTH, _HEIGHT), "white")
    pen, letters = ImageDraw.Draw(page), font(15)
    for top in range(_MARGIN, _HEIGHT - _MARGIN, _LINE):
        if rng.random() < 0.06:  # between paragraphs
            continue
        width = (_WIDTH - 2 * _MARGIN) * (rng.uniform(0.1, 0.7) if rng.random() < 0.12 else 1)
        line = _word(rng)
        while letters.getlength(longer := f"{line} {_word(rng)}") < width:
            line = longer
        pen.text((_MARGIN, top), line, "black", letters)
    return page


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(_LETTERS, rng.integers(1, 11)))
