"""Edited copies of many images: the queries of a phase, and the training copies of a round.

A copy is a pure function of (seed, purpose, image id, view), so any number of workers or shards
makes the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from iscqk.images.edit_chains import EditPool, encode_jpeg, make_copy
from iscqk.images.opening import ImageInput
from iscqk.images.verified import open_verified
from iscqk.runtime.logs import progress
from iscqk.runtime.workers import parallel_map


class Task(NamedTuple):
    """One copy to make: its key, from which all randomness comes, and the image's path."""

    key: tuple[int | str, ...]
    path: str


@dataclass(frozen=True)
class Copier:
    """How copies are made.

    Attributes:
        pool: the edits to draw from.
        backgrounds: images that edits may paste in or paste onto.
        side: longest side in pixels, of the source before its edits and of the copy after them.
        quality: of the JPEG.
    """

    pool: EditPool
    backgrounds: Sequence[ImageInput]
    side: int
    quality: int

    def copy(self, task: Task) -> tuple[bytes, list[dict[str, Any]]]:
        """Return the copy as JPEG, and the record of its edits."""
        image, edits = self.edited(task)
        return encode_jpeg(image, self.quality), edits

    def edited(self, task: Task) -> tuple[Image.Image, list[dict[str, Any]]]:
        """Return the copy in RGB, and the record of its edits."""
        image, edits = make_copy(self._open(task.path), self.pool, task.key, self._background)
        return self._shrunk(image), edits

    def copies(
        self, tasks: Iterable[Task], count: int, workers: int
    ) -> Iterator[tuple[bytes, list[dict[str, Any]]]]:
        """Yield the copies of `count` tasks in their order, made by `workers` processes."""
        if workers == 1:
            yield from progress(map(self.copy, tasks), count, "copies")
            return
        copies = parallel_map(self.copy, tasks, workers, 16)
        yield from progress(copies, count, "copies")

    def _open(self, image: ImageInput) -> Image.Image:
        return self._shrunk(open_verified(image, self.side))

    def _background(self, rng: np.random.Generator) -> Image.Image:
        return self._open(self.backgrounds[int(rng.integers(len(self.backgrounds)))])

    def _shrunk(self, image: Image.Image) -> Image.Image:
        if max(image.size) > self.side:
            image.thumbnail((self.side, self.side), Image.Resampling.BICUBIC)
        return image
