"""A pair of models to look images up with, and how to rank what they find."""

import hashlib
import logging
import math
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from iscqk.errors import UserError, refuse_below_one, refuse_no_path
from iscqk.formats.arrays import BoolArray, DoubleArray, FloatArray
from iscqk.formats.model_files import ROLES
from iscqk.formats.named_files import anchored
from iscqk.formats.printable_names import printable
from iscqk.images.opening import BadImage, ImageInput, fault_of
from iscqk.images.reading_ahead import Ahead
from iscqk.learning.data_loading import ReadableImages
from iscqk.learning.embedding import Look, describe
from iscqk.matching.inputs import Given, as_images
from iscqk.matching.model_folder import Looks, Parts, read_parts
from iscqk.models.device import choose_device, own_settings, torch_threads
from iscqk.models.encoder import Encoder
from iscqk.models.fused_convolutions import fused
from iscqk.models.ready import ready_folder
from iscqk.models.weights import encoder_digest
from iscqk.retrieval.rankings import RANKINGS
from iscqk.runtime.shutdown import causes_told

_UPRIGHT = 5  # times as many copies as in each other orientation are the right way round

logger = logging.getLogger(__name__)


class DescribedBlock(NamedTuple):
    """Images described: (b * orientations, D) float32 rows, an image's one after the other.

    Beside them (b,) whether an image cannot be read, whose rows are void, or is of one colour,
    whose rows say nothing.
    """

    vectors: FloatArray
    unreadable: BoolArray
    flat: BoolArray


class Model:
    """An encoder for queries, one for references, how they look at images, and a ranking.

    Attributes:
        encoders: of each of `ROLES`.
        looks: see `Looks`.
        ranking: see `RankedBy`.
        kinds: see `Parts`.
        threads: to compute with where a call does not say.
        origin: what it is, for who finds its descriptions: its folder, or the ready one of a
            version of iscqk; "" of one that was made of parts.
    """

    def __init__(
        self,
        parts: Parts | str | Path | None = None,
        *,
        ahead: Ahead | None = None,
        threads: int | None = None,
    ) -> None:
        """Make a model of its parts, or of the folder that has them; without them, the ready one.

        Args:
            parts: encoders, and how they are used; or a folder, as `load` takes it.
            ahead: images that are being read already, as this model looks at them.
            threads: to compute with where a call does not say; None: 1.

        Raises:
            UserError: there is no ready model in this installation, or none in the folder, or
                `threads` is no number to work with.
        """
        self.threads = 1 if threads is None else threads
        refuse_below_one("threads", self.threads)
        self.origin = ""
        if not isinstance(parts, Parts):
            if parts is not None:
                refuse_no_path("model", parts)
            self.origin = _origin(parts)
            with torch_threads(self.threads):
                parts = read_parts(ready_folder() if parts is None else parts)
        encoders, looks, self.ranking, self.kinds = parts
        device = choose_device()
        self.encoders = {side: encoders[side].to(device) for side in ROLES}
        self.looks = looks._replace(gist=looks.gist and looks.gist.to(device))
        for encoder in filter(None, (*self.encoders.values(), self.looks.gist)):
            encoder.precision = "auto"
        self._ahead = ahead
        self._fused: dict[tuple[Encoder, str], Encoder] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what only this process can use, and what is found anew."""
        return {**self.__dict__, "_ahead": None, "_fused": {}}

    @classmethod
    def load(
        cls,
        folder: str | Path | None = None,
        threads: int | None = None,
        ahead: Ahead | None = None,
    ) -> "Model":
        """Return the model of a folder.

        Args:
            folder: `results/submission_{phase}`, the `model` folder in it, or a run's folder that
                holds q.safetensors and k.safetensors. None: the ready model.
            threads: to compute with where a call does not say; None: 1.
            ahead: images that are being read already.

        Raises:
            UserError: it holds no model, or a damaged one, or `threads` is no number to work with.
        """
        return cls(folder, ahead=ahead, threads=threads)

    def describe(
        self,
        images: Given | Iterable[Given],
        side: str = "queries",
        threads: int | None = None,
        bad_images: str = "error",
    ) -> FloatArray:
        """Return descriptors (n, D) float32, unit rows; those of the two sides are comparable.

        A JPEG that is given as an image of Pillow is decoded whole, where one given as a file or
        bytes may be decoded at a fraction of its size: their descriptors differ a little.

        Args:
            images: paths, files' bytes or images of Pillow; one of them, or any number.
            side: `queries`, for what may be an edited copy, or `references`, for originals.
            threads: to compute with; None: as many as the model was loaded with, 1 if not said.
            bad_images: `error`; or `nan`, to log images that cannot be read and give them rows of
                NaN.

        Raises:
            BadImage: an image cannot be read; its `index` says which of those given.
            UserError: something else is given, `threads` is no number to work with, a worker is
                lost, or the memory is full.
        """
        images = as_images(images)
        if bad_images not in ("error", "nan"):
            raise UserError(f"bad_images {bad_images!r}: there is none; name error or nan")
        with causes_told(), own_settings():
            none = [np.empty((0, m.head.out_features), np.float32) for m in self._models(side)]
            done, parts = 0, [self._refine(none)]  # of no image: it has the dimensions
            # Closed at once: whoever keeps the error would keep its threads and processes.
            with closing(self.blocks(images, side, threads_of(self, threads))) as blocks:
                for block in blocks:
                    for row in np.flatnonzero(block.unreadable).tolist():
                        fault = _fault_among(images, done + row)
                        if bad_images == "error":
                            raise fault
                        logger.warning("%s", fault)
                    parts.append(np.where(block.unreadable[:, None], np.nan, block.vectors))
                    done += len(block.vectors)
            return np.concatenate(parts)

    def blocks(
        self, images: Sequence[ImageInput], side: str, threads: int, orientations: int = 1
    ) -> Generator[DescribedBlock]:
        """Yield what `describe` returns, block by block in order, with what cannot be described.

        With 8 orientations images are described as they are, in their quarter turns, and as the
        mirror images of all four.

        Raises:
            UserError: no such side, or no number of threads.
        """
        with torch_threads(threads):
            looks = self._looks_of_each(side)
            # One of Pillow that is not loaded yet shares its place in an open file with processes.
            are_open = any(isinstance(image, Image.Image) for image in images)
            if self._ahead:
                self._ahead.stop()
            sides, trimmed = [look.pixels for look in looks], self.looks.trimmed
            read, done = ReadableImages(images, sides, trimmed, self._ahead), 0
            for rows in describe(looks, read, 0 if are_open else threads - 1, orientations):
                part = slice(done, done := done + len(rows[0]) // orientations)
                vectors = self._refine([row.numpy() for row in rows])
                unreadable, flat = read.unreadable[part].numpy(), read.flat[part].numpy()
                yield DescribedBlock(vectors, unreadable, flat)

    def _looks_of_each(self, side: str) -> list[Look]:
        """Return how each encoder of a side looks at images, as it describes fastest."""
        ways = [(self.looks.sizes, self.looks.orientations), ((), 1)]  # GIST has but one
        encoders = map(self._quick, self._models(side))
        return [Look(one, *way) for one, way in zip(encoders, ways, strict=False)]

    def _models(self, side: str) -> list[Encoder]:
        """Return the encoders whose descriptors of a side are joined."""
        if side not in ROLES:
            raise UserError(f"side {side}: there is none; name one of {', '.join(ROLES)}")
        return list(filter(None, [self.encoders[side], self.looks.gist]))

    def _quick(self, encoder: Encoder) -> Encoder:
        """Return an encoder as it describes fastest, which is found once for all calls."""
        key = encoder, encoder.precision
        if key not in self._fused:
            self._fused[key] = fused(encoder)
        return self._fused[key]

    def _refine(self, parts: list[FloatArray]) -> FloatArray:
        return self.looks.refine(parts) if self.looks.refine else parts[0]

    def digest(self, side: str) -> str:
        """Return the digest of what describes a side: equal ones give equal descriptors."""
        own, looks = encoder_digest(self.encoders[side]), self.looks
        if looks == Looks():
            return own
        facts = [
            *(own, looks.sizes, looks.orientations),
            *(["trimmed"] if looks.trimmed else []),
            looks.gist and encoder_digest(looks.gist),
            looks.refine and looks.refine.digest(),
        ]
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def levels(self, queries: FloatArray) -> DoubleArray:
        """Return (n,) what to take off the similarities of queries (n, D) to rank their pairs.

        A pair's `score` in what `iscqk.match` returns is its similarity less that of its query, and
        less `levels_of_orientations` where the query is found turned.
        """
        bank, temperature, name = self.ranking
        with own_settings():
            return RANKINGS[name].level(queries, [] if bank is None else [bank], temperature)

    def levels_of_orientations(self, orientations: int) -> DoubleArray:
        """Return (o,) what to take off beside `levels` of a query's similarities in each of them.

        Where these tell t log p of pairs, t log 5 if the query is turned, as copies are most often
        the right way round; else, as of a ranking by similarity, nothing.
        """
        bank, temperature, _ = self.ranking
        levels = np.full(orientations, 0.0 if bank is None else temperature * math.log(_UPRIGHT))
        levels[0] = 0
        return levels


def _origin(folder: str | Path | None) -> str:
    """Return what a model is that is read from a folder, the ready one where none is named."""
    if folder is not None:
        return printable(anchored(folder))
    with suppress(PackageNotFoundError):
        return f"the ready model of iscqk {version('iscqk')}"
    return "the ready model"


def threads_of(model: Model | str | Path | None, threads: int | None) -> int:
    """Return how many threads a call computes with: as many as it says, or else its model."""
    if threads is not None:
        return threads
    return model.threads if isinstance(model, Model) else 1


def _fault_among(images: Sequence[ImageInput], index: int) -> BadImage:
    """Return what is wrong with an image that could not be read, with its place among those given.

    What is in memory has no name.
    """
    fault = fault_of(images[index])
    place = f" (images[{index}] of {len(images)})" if len(images) > 1 else ""
    return BadImage(f"{fault}{place}", fault.reason, index)
