"""Descriptors of many images: banks, queries and references are all made here."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from iscqk.learning.images import CopyImages, OriginalImages
from iscqk.logs import progress
from iscqk.models.encoder import Encoder

BATCH_IMAGES = 64


@torch.inference_mode()
def embed(
    encoder: Encoder, images: OriginalImages | CopyImages, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (features (n, C), descriptors (n, D)) float32 on the CPU, block by block, in order.

    An image's copies share one row: the features of its views are averaged before the head, so
    that the row is the centre of what edits make of that image.
    """
    device = next(encoder.parameters()).device
    loader = DataLoader(images, BATCH_IMAGES * images.views, num_workers=workers)
    for batch in progress(loader, len(loader), "embed, batches"):
        features = encoder.features(batch.to(device, non_blocking=True))
        centres = features.unflatten(0, (-1, images.views)).mean(1)
        yield centres.cpu(), encoder.project(centres).cpu()
