"""What is compared on a query set: models, GIST, and hashes that anybody can install.

Each describes the images of both sides so that the squared distance of two descriptors ranks pairs,
as the challenge's search does. Of a hash's bits, 0 or 1 each, it is their Hamming distance.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from PIL import Image

from iscqk.formats.arrays import FloatArray
from iscqk.formats.descriptor_shards import descriptor_blocks, training_shards
from iscqk.formats.files import sha256_of
from iscqk.formats.model_files import ROLES
from iscqk.images.opening import open_image
from iscqk.matching.model import Model
from iscqk.matching.model_bank import sample_bank
from iscqk.matching.model_folder import Looks, Parts, RankedBy
from iscqk.models.weights import load_encoder
from iscqk.retrieval.rankings import RANKINGS
from iscqk.retrieval.refining import Refinement, fit_projection
from iscqk.runtime.logs import progress

_GIST_WHITENING, _GIST_SHARE = 0.5, 0.5  # as in photos-best.yaml


class Described(NamedTuple):
    """Descriptors of both sides.

    Attributes:
        queries: (nq, d) float32, once for each way that queries are turned; the nearest counts.
        references: (nr, d) float32.
    """

    queries: list[FloatArray]
    references: FloatArray


Contender = Callable[[Sequence[str], Sequence[str]], Described]  # of queries and references


class Missing(Exception):
    """A package that a contender needs and that is not installed."""


def of_model(model: Model, threads: int, orientations: int = 1) -> Contender:
    """Return a model as it describes and ranks for a submission, queries in 1 or 8 orientations."""

    def described(queries: Sequence[str], references: Sequence[str]) -> Described:
        blocks = model.blocks(queries, ROLES[0], threads, orientations)
        rows = np.concatenate([block.vectors for block in blocks])
        bank, temperature, name = model.ranking
        ranking, banks = RANKINGS[name], [] if bank is None else [bank]
        ranked = ranking.of_queries(rows, banks, temperature)
        turned = [ranked[way::orientations] for way in range(orientations)]
        for rows, level in zip(turned, model.levels_of_orientations(orientations), strict=True):
            if level:  # which joins those that a ranking by a bank has in its last coordinate
                rows[:, -1] = np.hypot(rows[:, -1], np.sqrt(2 * level))
        return Described(
            turned, ranking.of_references(model.describe(references, ROLES[1], threads))
        )

    return described


def gist_model(weights: Path, training: Sequence[Path]) -> Model:
    """Return GIST, half whitened, half of the nearest training descriptors' mean subtracted.

    Args:
        weights: of GIST's encoder.
        training: shards of what it makes of training images.

    Raises:
        UserError: the weights are none, or the shards are not all that these make.
    """
    encoder = load_encoder(weights)
    made = {"weights_sha256": sha256_of(weights)}
    shards = training_shards(training, "describe it again", made)
    size = encoder.head.out_features
    projection = fit_projection((v for _, v in descriptor_blocks(shards)), size, _GIST_WHITENING)
    sample = sample_bank(shards)
    bank = projection(sample)
    refine = Refinement((1.0,), projection, bank, share=_GIST_SHARE)
    bank = refine([sample])
    ranking = RankedBy(bank, name="log_partition")
    return Model(Parts({side: encoder for side in ROLES}, Looks(refine=refine), ranking))


def phash(queries: Sequence[str], references: Sequence[str]) -> Described:
    """Describe by the 64 bits of pHash, signs of a discrete cosine transform."""
    imagehash = _package("imagehash")

    def bits(image: Image.Image) -> list[FloatArray]:
        return [imagehash.phash(image).hash.ravel()]

    return Described(_each(queries, bits), _each(references, bits)[0])


def pdq(queries: Sequence[str], references: Sequence[str]) -> Described:
    """Describe by the 256 bits of PDQ."""
    return Described(_each(queries, _pdq_bits), _each(references, _pdq_bits)[0])


def pdq_turned(queries: Sequence[str], references: Sequence[str]) -> Described:
    """Describe by PDQ, queries in all eight orientations."""
    pdqhash = _package("pdqhash")

    def turned(image: Image.Image) -> list[FloatArray]:
        hashes: list[FloatArray] = pdqhash.compute_dihedral(np.asarray(image))[0]
        return hashes

    return Described(_each(queries, turned), _each(references, _pdq_bits)[0])


def _pdq_bits(image: Image.Image) -> list[FloatArray]:
    return [_package("pdqhash").compute(np.asarray(image))[0]]


HASHES: dict[str, Contender] = {
    "pHash, 64 bit": phash,
    "PDQ": pdq,
    "PDQ, 8 orientations": pdq_turned,
}


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise Missing(f"not measured: pip install {name}") from None


def _each(
    paths: Sequence[str], bits: Callable[[Image.Image], Iterable[FloatArray]]
) -> list[FloatArray]:
    """Return (n, d) bits of images, once for each way that they are turned."""
    rows = [list(bits(open_image(path))) for path in progress(paths, len(paths), "hashes")]
    return [np.array(one, dtype=np.float32) for one in zip(*rows, strict=True)]
