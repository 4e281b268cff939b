"""Outlines of things: ellipses, polygons and blobs."""

import numpy as np
from numpy.typing import NDArray

SHAPES = ("ellipse", "polygon", "blob", "star")
Outline = NDArray[np.float64]  # (points, 2), within -1..1


def outline(shape: str, rng: np.random.Generator) -> Outline:
    """Return the outline of one of `SHAPES` about (0, 0)."""
    if shape == "ellipse":
        return _around(np.ones(32))
    if shape == "polygon":
        return _around(rng.uniform(0.75, 1, int(rng.integers(3, 8))), rng.uniform(0, 6.3))
    if shape == "star":
        return _around(np.tile([1, rng.uniform(0.45, 0.7)], int(rng.integers(5, 9))), -np.pi / 2)
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    waves, phases = rng.uniform(-0.16, 0.16, 3), rng.uniform(0, 6.3, 3)
    radii = 1 + sum(
        wave * np.sin((number + 2) * angles + phase)
        for number, (wave, phase) in enumerate(zip(waves, phases, strict=True))
    )
    return _around(radii / radii.max())


def _around(radii: NDArray[np.float64], start: float = 0.0) -> Outline:
    angles = start + np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
