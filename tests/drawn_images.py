"""Images that tests begin with, drawn once in a process: the same are asked for time and again."""

import functools
import shutil
import tempfile
from pathlib import Path

from iscqk.images.demo_scenes import draw_split


def put_drawn(folder: Path | str, split: str, count: int, seed: int, side: int) -> None:
    """Make a folder of what `draw_split` draws."""
    shutil.copytree(_drawn(split, count, seed, side).name, folder, copy_function=shutil.copy)


@functools.cache
def _drawn(split: str, count: int, seed: int, side: int) -> tempfile.TemporaryDirectory[str]:
    kept = tempfile.TemporaryDirectory(prefix="iscqk-drawn-")
    draw_split(Path(kept.name), split, count, seed, side, 1)
    return kept
