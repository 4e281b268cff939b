"""A pair of models to look images up with, and how to rank what they find."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.descriptors import (
    FloatArray,
    count_descriptors,
    descriptor_blocks,
    open_descriptors,
    write_descriptors,
)
from iscqk.formats.files import write_text
from iscqk.formats.ids import BoolArray, StrArray
from iscqk.images.opening import Source, open_image
from iscqk.learning.embedding import embed
from iscqk.learning.images import ReadableImages
from iscqk.models.device import choose_device, set_threads
from iscqk.models.encoder import Encoder
from iscqk.models.hub import load_hub_folder
from iscqk.models.weights import encoder_digest, load_encoder
from iscqk.retrieval.ranking import DoubleArray, bank_level

SIDES = ("queries", "references")
TEMPERATURE = 0.05  # of a run's folder, which does not tell
BANK_ROWS = 65_536  # enough for a level; all of a million would take a gigabyte

_NO_BANK: FloatArray = np.empty((0, 0), dtype=np.float32)


class Ranking(NamedTuple):
    """How pairs of different queries are made comparable.

    Attributes:
        bank: (N, D) descriptors of training images by the references' encoder; none of them where
            pairs rank by similarity alone.
        temperature: of the log-partition over the bank.
        likely: score from which on 90 % of the pairs of an evaluation were copies, if known.
    """

    bank: FloatArray
    temperature: float = TEMPERATURE
    likely: float | None = None


class Model:
    """An encoder for queries, one for references, and a ranking.

    Attributes:
        encoders: of each of `SIDES`.
        ranking: see `Ranking`.
    """

    def __init__(self, encoders: Mapping[str, Encoder], ranking: Ranking) -> None:
        self.encoders = {side: encoders[side].to(choose_device()) for side in SIDES}
        self.ranking = ranking
        for encoder in self.encoders.values():
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
        folder = Path(folder)
        for place in (folder / "model", folder):
            if (place / "ranking.json").is_file():
                encoders = {side: load_hub_folder(place / side) for side in SIDES}
                return cls(encoders, _read_ranking(place))
        weights = [folder / f"{side}.safetensors" for side in "qk"]
        if all(path.is_file() for path in weights):
            encoders = dict(zip(SIDES, map(load_encoder, weights), strict=True))
            bank = sample_bank(sorted(folder.glob("descriptors/k/training-*.h5")))[1]
            return cls(encoders, Ranking(bank))
        raise UserError(
            f"{folder}: no model there; name results/submission_phase2 or a run's folder that "
            "holds q.safetensors and k.safetensors"
        )

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
        encoder = self.encoders[side]
        set_threads(threads)
        read = ReadableImages(images, encoder.config.image_size)
        blocks = [vectors.numpy() for _, vectors in embed(encoder, read, threads - 1)]
        none = np.empty((0, encoder.head.out_features), dtype=np.float32)
        return np.concatenate([none, *blocks]), read.unreadable.numpy()

    def digest(self, side: str) -> str:
        """Return the digest of a side's encoder: equal ones give equal descriptors."""
        return encoder_digest(self.encoders[side])

    def levels(self, queries: FloatArray) -> DoubleArray:
        """Return (n,) what to take off the similarities of queries (n, D) to rank their pairs."""
        bank, temperature, _ = self.ranking
        if not len(bank):
            return np.zeros(len(queries))
        return bank_level(queries, [bank], temperature)


def sample_bank(shards: Sequence[str | Path]) -> tuple[StrArray, FloatArray]:
    """Return ids and vectors of at most `BANK_ROWS` rows of a bank, evenly spaced over it."""
    if not shards:
        return np.empty(0, dtype=np.str_), _NO_BANK
    step = -(-count_descriptors(shards)[0] // BANK_ROWS)
    parts, start = [], 0
    for names, rows in descriptor_blocks(shards):
        first = -start % step
        parts.append((names[first::step], rows[first::step]))
        start += len(names)
    ids, vectors = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return ids, vectors


def write_ranking(
    folder: Path, shards: Sequence[Path], temperature: float, likely: float | None
) -> None:
    """Write ranking.json, and bank.h5 if there is one, beside the folders of the two encoders."""
    if shards:
        ids, vectors = sample_bank(shards)
        write_descriptors(folder / "bank.h5", ids, vectors, {"temperature": temperature})
    facts = {"temperature": temperature, "likely": likely, "bank": bool(shards)}
    write_text(folder / "ranking.json", json.dumps(facts, indent=2) + "\n")


def _read_ranking(folder: Path) -> Ranking:
    try:
        facts = json.loads((folder / "ranking.json").read_text(encoding="utf-8"))
        if not facts["bank"]:
            return Ranking(_NO_BANK, float(facts["temperature"]), facts["likely"])
        with open_descriptors(folder / "bank.h5") as bank:
            rows = bank.block(0, len(bank.ids))
        return Ranking(rows, float(facts["temperature"]), facts["likely"])
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{folder}/ranking.json: {error}; copy the folder again") from None
