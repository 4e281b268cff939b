"""Better descriptors without more training, in as many dimensions and within the rules.

Several descriptors of an image, each of unit length, are joined to one long vector, which a partly
whitened PCA of the whole, or one of each part, brings back to the size allowed. From the result a
share of the mean of its nearest training descriptors is subtracted: what an image has in common
with images that it does not copy (negative embedding subtraction, arXiv:2112.04323). All that is
learned here is learned from training images, and every image is described on its own.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save
from torch import Tensor

from iscqk.errors import UserError
from iscqk.formats.arrays import FloatArray
from iscqk.formats.files import write_content
from iscqk.formats.path_checks import refuse_missing
from iscqk.formats.safetensors_files import metadata_of, safetensors_at
from iscqk.models.pca import PrincipalComponents
from iscqk.models.unit_rows import unit_rows

_NO_PROJECTION = "no projection", "make it with `iscqk whiten`"
_HEAVIEST = 1e30  # weight of a part: float32 ends at 3e38
_ROWS_AT_ONCE = 64  # whose similarities to a million training images take 256 MB


@dataclass(frozen=True)
class Projection:
    """Partly whitened PCAs: joined descriptors (n, C) to unit rows (n, D).

    Attributes:
        centre: (C,) float32.
        weight: (C, D) float32.
    """

    centre: FloatArray
    weight: FloatArray

    def __call__(self, vectors: FloatArray) -> FloatArray:
        """Return unit rows (n, D) of vectors (n, C); UserError when they are of another size."""
        if vectors.shape[1] != len(self.centre):
            raise UserError(
                f"descriptors of {vectors.shape[1]} dimensions for a projection of "
                f"{len(self.centre)}; learn it anew with `iscqk whiten`"
            )
        rows = torch.from_numpy(vectors - self.centre) @ torch.from_numpy(self.weight)
        unit: FloatArray = unit_rows(rows).numpy()
        return unit


@dataclass(frozen=True)
class Refinement:
    """What is made of descriptors of one image by several models.

    Attributes:
        weights: of each model's descriptors.
        projection: of the joined ones; with one model there may be none.
        training: (N, D) unit rows, refined descriptors of training images, or None.
        nearest: how many of these are averaged.
        share: of their mean that is subtracted.
    """

    weights: Sequence[float] = (1.0,)
    projection: Projection | None = None
    training: FloatArray | None = None
    nearest: int = 10
    share: float = 0.0

    def __call__(self, parts: Sequence[FloatArray]) -> FloatArray:
        """Return unit rows (n, D) of each model's unit rows (n, C_i)."""
        vectors = self.projection(joined(parts, self.weights)) if self.projection else parts[0]
        if self.training is None:
            return vectors
        return without_negatives(vectors, self.training, self.nearest, self.share)

    def digest(self) -> str:
        """Return a SHA-256 of what this computes."""
        projected = [self.projection.centre, self.projection.weight] if self.projection else []
        arrays = [*projected, *([] if self.training is None else [self.training])]
        facts = [*self.weights, self.nearest, self.share, *(array.shape for array in arrays)]
        digest = hashlib.sha256(repr(facts).encode())
        for array in arrays:
            digest.update(array.tobytes())
        return digest.hexdigest()


def save_projection(
    path: str | Path, projection: Projection, facts: Mapping[str, Any] | None = None
) -> None:
    """Write a projection as safetensors, and what it has to say of its making, if anything."""
    content = {"centre": projection.centre, "weight": projection.weight}
    told = {"iscqk": json.dumps(facts, sort_keys=True)} if facts else None
    write_content(path, save(content, told))


def read_projection_facts(path: str | Path) -> dict[str, Any]:
    """Return what `save_projection` was told of the making; nothing of one by another maker.

    Raises:
        UserError: missing, or no safetensors.
    """
    refuse_missing(path)
    with safetensors_at(path, *_NO_PROJECTION, ValueError, TypeError) as name:
        return dict(json.loads(metadata_of(name).get("iscqk", "{}")))


def load_projection(path: str | Path) -> Projection:
    """Read a projection; UserError when the file holds none, or a damaged one."""
    refuse_missing(path)
    with safetensors_at(path, *_NO_PROJECTION, KeyError) as name:
        arrays = load_file(name)
        centre, weight = arrays["centre"], arrays["weight"]
    fits = weight.ndim == 2 and centre.shape == weight.shape[:1]
    if not (fits and all(a.dtype.kind == "f" and np.isfinite(a).all() for a in (centre, weight))):
        raise UserError(f"{path}: not a projection's finite arrays; make it with `iscqk whiten`")
    return Projection(centre.astype(np.float32), weight.astype(np.float32))


def joined(parts: Sequence[FloatArray], weights: Sequence[float]) -> FloatArray:
    """Return rows (n, C_1 + C_2 + ...) of descriptors (n, C_i), each times its weight.

    Raises:
        UserError: there are not as many weights, or as `refuse_weights`.
    """
    if len(weights) != len(parts):
        raise UserError(f"{len(weights)} weights for {len(parts)} models; give one for each")
    refuse_weights(weights)
    scaled = [np.float32(w) * part for w, part in zip(weights, parts, strict=True)]
    return np.concatenate(scaled, axis=1)


def refuse_weights(weights: Sequence[float]) -> None:
    """Raise UserError where no part would count, or one so much that float32 does not hold it."""
    if not 0 < max(weights) <= _HEAVIEST:
        what = f"give one above 0, and none above {_HEAVIEST:g}"
        raise UserError(f"weights: {max(weights):g} is the largest; {what}")


def fit_projection(blocks: Iterable[FloatArray], size: int, whitening: float) -> Projection:
    """Learn a PCA to `size` dimensions from blocks (n, C), one in memory at a time.

    Where rows have fewer dimensions than `size`, the last ones are 0. `whitening` is explained in
    `iscqk.models.pca`.

    Raises:
        ValueError: there is no row.
    """
    found = PrincipalComponents.of_blocks(blocks).first(size)
    return Projection(_float32(found.centre), _columns(found.weight(whitening), size))


def fit_projections(
    parts: Sequence[Iterable[FloatArray]],
    sizes: Sequence[int],
    whitenings: Sequence[float],
    weights: Sequence[float],
) -> Projection:
    """Learn a PCA of each part of joined descriptors; the projection is of the joined ones.

    A part that differs more from image to image takes no dimensions from another, as it does where
    both share a PCA, and may be whitened more. What is made of training images has, in each part,
    the part's weight as root mean square length, where they are more than its dimensions.

    Args:
        parts: blocks (n, C_i) of each part's descriptors.
        sizes: dimensions D_i of each.
        whitenings: of each, see `iscqk.models.pca`.
        weights: of each, as they will be joined.

    Raises:
        ValueError: there is no row.
        UserError: there are not as many of all four, or as `refuse_weights`.
    """
    if not len(parts) == len(sizes) == len(whitenings) == len(weights):
        raise UserError(
            f"{len(parts)} parts, {len(sizes)} sizes, {len(whitenings)} whitenings and "
            f"{len(weights)} weights; give one of each for each part, or one size and one "
            "whitening for a PCA of all"
        )
    refuse_weights(weights)
    centres, columns = [], []
    for part, size, whitening, weight in zip(parts, sizes, whitenings, weights, strict=True):
        found = PrincipalComponents.of_blocks(part).first(size)
        length = (found.deviations ** (1 - whitening)).norm()
        centres.append(_float32(weight * found.centre))
        columns.append(torch.from_numpy(_columns(found.weight(whitening) / length, size)))
    return Projection(np.concatenate(centres), torch.block_diag(*columns).numpy())


def _columns(rows: Tensor, size: int) -> FloatArray:
    """Return (C, size) float32 of components (K, C), the last columns 0 where these are fewer."""
    columns = np.zeros((rows.shape[1], size), dtype=np.float32)
    columns[:, : len(rows)] = rows.numpy().T
    return columns


def _float32(values: Tensor) -> FloatArray:
    return values.numpy().astype(np.float32)


def without_negatives(
    vectors: FloatArray, training: FloatArray, nearest: int, share: float
) -> FloatArray:
    """Subtract from each row `share` of the mean of its nearest training descriptors.

    Args:
        vectors: (n, D) unit rows.
        training: (N, D) unit rows, of training images by the same model.
        nearest: how many of these are averaged; all of them where there are fewer.
        share: 0 changes nothing.

    Returns:
        (n, D) unit rows.
    """
    bank = torch.from_numpy(training)
    parts = []
    for rows in torch.from_numpy(vectors).split(_ROWS_AT_ONCE):
        found = (rows @ bank.T).topk(min(nearest, len(bank)), dim=1).indices
        parts.append(unit_rows(rows - share * bank[found].mean(1)).numpy())
    return np.concatenate(parts)
