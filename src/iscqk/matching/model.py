"""A pair of models to look images up with, and how to rank what they find."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iscqk.errors import UserError
from iscqk.formats.descriptors import FloatArray
from iscqk.formats.ids import BoolArray
from iscqk.images.opening import Source, open_image
from iscqk.learning.embedding import embed
from iscqk.learning.images import ReadableImages
from iscqk.matching.folder import SIDES, Looks, Parts, read_parts
from iscqk.models.device import choose_device, set_threads
from iscqk.models.weights import encoder_digest
from iscqk.retrieval.rankings import RANKINGS


class Model:
    """An encoder for queries, one for references, how they look at images, and a ranking.

    Attributes:
        encoders: of each of `SIDES`.
        looks: see `Looks`.
        ranking: see `Ranking`.
    """

    def __init__(self, parts: Parts) -> None:
        encoders, looks, self.ranking = parts
        device = choose_device()
        self.encoders = {side: encoders[side].to(device) for side in SIDES}
        self.looks = looks._replace(gist=looks.gist and looks.gist.to(device))
        for encoder in filter(None, (*self.encoders.values(), self.looks.gist)):
            encoder.precision = "auto"

    @classmethod
    def load(cls, folder: str | Path) -> "Model":
        """Return the model of a folder.

        Args:
            folder: `results/submission_{phase}`, the `model` folder in it, or a run's folder that
                holds q.safetensors and k.safetensors.

        Raises:
            UserError: it holds no model, or a damaged one.
        """
        return cls(read_parts(folder))

    def describe(
        self, images: Sequence[Source], side: str = "queries", threads: int = 1
    ) -> FloatArray:
        """Return descriptors (n, D) float32, unit rows; those of the two sides are comparable.

        Args:
            images: paths, files' bytes or images of Pillow.
            side: `queries`, for what may be an edited copy, or `references`, for originals.
            threads: to compute with.

        Raises:
            UserError: an image cannot be read.
        """
        vectors, unreadable = self.describe_readable(images, side, threads)
        for row in np.flatnonzero(unreadable).tolist():
            open_image(images[row])  # raises, and says why
        return vectors

    def describe_readable(
        self, images: Sequence[Source], side: str, threads: int
    ) -> tuple[FloatArray, BoolArray]:
        """Return what `describe` does, and (n,) which images cannot be read; their rows are void.

        Raises:
            UserError: no such side.
        """
        if side not in SIDES:
            raise UserError(f"side {side}: there is none; name one of {', '.join(SIDES)}")
        set_threads(threads)
        looks, encoder = self.looks, self.encoders[side]
        parts, unreadable = [], np.zeros(len(images), dtype=np.bool_)
        for model, sizes, flip in ((encoder, looks.sizes, looks.flip), (looks.gist, (), False)):
            if model is None:
                continue
            read = ReadableImages(images, max(sizes, default=model.config.image_size))
            blocks = [rows.numpy() for _, rows in embed(model, read, threads - 1, sizes, flip)]
            none = np.empty((0, model.head.out_features), dtype=np.float32)
            parts.append(np.concatenate([none, *blocks]))
            unreadable |= read.unreadable.numpy()
        return looks.refine(parts) if looks.refine else parts[0], unreadable

    def digest(self, side: str) -> str:
        """Return the digest of what describes a side: equal ones give equal descriptors."""
        own, looks = encoder_digest(self.encoders[side]), self.looks
        if looks == Looks():
            return own
        facts = [
            *(own, looks.sizes, looks.flip),
            looks.gist and encoder_digest(looks.gist),
            looks.refine and looks.refine.digest(),
        ]
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def levels(self, queries: FloatArray) -> NDArray[np.float64]:
        """Return (n,) what to take off the similarities of queries (n, D) to rank their pairs."""
        bank, temperature, _, name = self.ranking
        return RANKINGS[name].level(queries, [] if bank is None else [bank], temperature)
