"""The common starting point of Q and K.

Both sides must begin in one space, or their similarities are not comparable from query to query
and micro-AP collapses. So both start from the same weights with the same head. Where a head is
made, it is the PCA of the backbone's features, whitened by the share that `model.whitening` says: a
good descriptor before any training.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from iscqk.errors import UserError
from iscqk.learning.data_loading import OriginalImages
from iscqk.learning.embedding import embed
from iscqk.models.encoder import Encoder
from iscqk.models.modes import batch_norms
from iscqk.models.pca import PrincipalComponents
from iscqk.runtime.logs import progress

_AT_ONCE = 64  # images that batch norm's statistics are taken of, at most


@torch.no_grad()
def calibrate_batch_norm(encoder: Encoder, images: OriginalImages) -> None:
    """Set batch-norm statistics to those of `images`.

    A randomly initialised backbone has none that mean anything, and training freezes them.

    Raises:
        UserError: fewer images than two.
    """
    _refuse_few(len(images))
    norms = batch_norms(encoder.eval())  # dropout would change what they see
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average over all batches
        norm.train()
    # As large as one another, since each counts as much: a last one of what is left would count
    # too much, and one image may have no variance at all.
    parts = np.array_split(np.arange(len(images)), -(-len(images) // _AT_ONCE))
    batches = DataLoader(images, batch_sampler=[part.tolist() for part in parts])
    for batch in progress(batches, len(batches), "batch norm, batches"):
        encoder.features(batch)
    encoder.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def head_images(paths: Sequence[str], side: int, count: int, seed: int) -> OriginalImages:
    """Return a random sample of images: the first ones may all be of one source."""
    chosen = np.random.default_rng(seed).permutation(len(paths))[:count]
    return OriginalImages([paths[i] for i in sorted(chosen.tolist())], side)


def fit_head(encoder: Encoder, images: OriginalImages, whitening: float) -> None:
    """Set the head to the partly whitened PCA of the backbone's float32 features of `images`."""
    encoder.precision = "fp32"
    blocks = embed(encoder.eval(), images, 0)
    features = torch.cat([block.cpu() for block, _ in blocks]).clone()
    principal_head(encoder, features, whitening)


@torch.no_grad()
def narrow_heads(
    encoders: Sequence[Encoder], images: OriginalImages, size: int, whitening: float
) -> None:
    """Bring encoders of one space to fewer dimensions, those of a partly whitened PCA.

    It is of what the last one's head makes of `images`, and goes into the head of each.

    Raises:
        UserError: fewer images than two.
    """
    last = encoders[-1]
    outputs = torch.cat([last.head(block).cpu() for block, _ in embed(last, images, 0)])
    found = _components(outputs).first(size)
    directions = found.weight(whitening)
    for encoder in encoders:
        weight = directions @ encoder.head.weight.double()
        bias = directions @ (encoder.head.bias.double() - found.centre)
        encoder.set_head(torch.zeros(size, weight.shape[1]), torch.zeros(size))
        _fill_head(encoder, weight, bias)


@torch.no_grad()
def principal_head(encoder: Encoder, features: Tensor, whitening: float) -> None:
    """Set the head to the partly whitened PCA (`iscqk.models.pca`) of features (n, C).

    Raises:
        UserError: fewer images than two.
    """
    found = _components(features).first(encoder.config.descriptor_size)
    weight = found.weight(whitening)
    _fill_head(encoder, weight, -(weight @ found.centre))


def _refuse_few(images: int) -> None:
    if images < 2:
        raise UserError("the head's PCA needs at least 2 training images; add some")


def _components(rows: Tensor) -> PrincipalComponents:
    _refuse_few(len(rows))
    return PrincipalComponents.of_rows(rows)


def _fill_head(encoder: Encoder, weight: Tensor, bias: Tensor) -> None:
    """Fill the head; where there are fewer rows than dimensions, the last of these are 0."""
    device = encoder.head.weight.device
    encoder.head.weight.zero_()
    encoder.head.bias.zero_()
    encoder.head.weight[: len(weight)] = weight.float().to(device)
    encoder.head.bias[: len(weight)] = bias.float().to(device)
