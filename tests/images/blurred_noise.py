"""Pictures for edits that ask nothing of what they show: a few random colours, blurred."""

import numpy as np
from PIL import Image


def picture(size=(72, 54), seed=0):
    """Return one of (width, height)."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def another(rng):
    """Return what an edit takes a second picture by."""
    return picture((60, 50), int(rng.integers(1000)))
