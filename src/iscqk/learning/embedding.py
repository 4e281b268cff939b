"""Descriptors of many images: banks, queries and references are all made here."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from iscqk.learning import distributed
from iscqk.learning.data_loading import CopyImages, OriginalImages, ReadableImages
from iscqk.learning.loaders import Loader
from iscqk.models.encoder import Encoder
from iscqk.models.fused_convolutions import fused
from iscqk.runtime.logs import progress
from iscqk.runtime.threads import computing_threads, go_on, in_order

Result = TypeVar("Result")

BATCH_IMAGES = 64
# Of more at once a CPU gives memory back and takes it anew with every layer, and none of it fits
# its caches: half as fast for a small network.
_CPU_PIXELS = 16 * 160**2


@torch.inference_mode()
def embed(
    encoder: Encoder,
    images: OriginalImages | CopyImages,
    workers: int,
    sizes: Sequence[int] = (),
    orientations: int = 1,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (features (n, C), descriptors (n, D)) float32 on the CPU, block by block, in order.

    An image's copies share one row: the features of its views are averaged before the head, so
    that the row is the centre of what edits make of that image. Several processes make a part of
    each block, and every one of them yields the whole.

    With `sizes`, sides in pixels, the features are the mean of those at each; `images` must be of
    the largest, from which the others are made. Of `orientations` 2 it is of mirrored images, too,
    of 4 of those turned by quarters, of 8 of all of these; and of the same without their margins
    where `images` are trimmed.
    """
    device, rows = next(encoder.parameters()).device, len(images) // images.views
    if not rows:
        return
    encoder = fused(encoder)
    blocks = range(0, rows, BATCH_IMAGES * distributed.world_size())
    mine = [_part(start, rows, images.views) for start in blocks]
    loader = Loader(images, mine, workers)
    compute = partial(_seen, encoder, sizes, orientations)
    for start, features in zip(blocks, _of_each(loader, compute, device), strict=True):
        centres = distributed.all_gather(features.unflatten(0, (-1, images.views)).mean(1))
        centres = centres[: rows - start]
        yield centres.cpu(), encoder.project(centres).cpu()


class Look(NamedTuple):
    """An encoder, and the sizes and orientations that it averages over, as `embed` does."""

    encoder: Encoder
    sizes: Sequence[int] = ()
    orientations: int = 1

    @property
    def pixels(self) -> int:
        """The side of the images that it takes."""
        return max(self.sizes, default=self.encoder.config.image_size)


def describe(
    looks: Sequence[Look], images: ReadableImages, workers: int, turns: int
) -> Iterator[list[Tensor]]:
    """Yield descriptors (b * turns, D) float32 on the CPU for each look, block by block, in order.

    `images` have the sides of the looks. An image has as many rows as `turns`, at most 8, one after
    the other: as it is, its quarter turns, then the same of its mirror image.
    """
    rows = range(len(images))
    blocks = [list(rows[start : start + BATCH_IMAGES]) for start in rows[::BATCH_IMAGES]]
    loader = Loader(images, blocks, workers)
    device = next(looks[0].encoder.parameters()).device
    yield from _of_each(loader, partial(_described, looks, turns), device)


def _of_each(
    loader: Loader[Any], compute: Callable[[Any], Result], device: torch.device
) -> Iterator[Result]:
    """Yield what is computed of each batch, on a CPU of as many at once as it has threads.

    So no thread waits for the others after every layer, of which a small network has many and short
    ones, and none is waited for where its core is busy with something else.
    """
    total, threads = len(loader), torch.get_num_threads()
    at_once = max(1, min(total, threads if device.type == "cpu" else 1))
    if at_once == 1:
        yield from progress(map(compute, loader), total, "embed, batches")
        return
    with computing_threads(at_once, threads // at_once) as pool:
        found = in_order(pool, compute, loader, at_once + 1)
        yield from progress(found, total, "embed, batches")


@torch.inference_mode()
def _described(looks: Sequence[Look], turns: int, batches: list[Tensor]) -> list[Tensor]:
    """Return descriptors (b * turns, D) of a block for each look, of images at the side of each."""
    found = []
    for (encoder, sizes, orientations), images in zip(looks, batches, strict=True):
        there = _beside(encoder, images)
        turned = [_turned(there, turn) for turn in range(turns)]
        seen = [_features(encoder, each, sizes, orientations) for each in turned]
        found.append(encoder.project(torch.stack(seen, 1).flatten(0, 1)).cpu())
    return found


@torch.inference_mode()
def _seen(encoder: Encoder, sizes: Sequence[int], orientations: int, images: Tensor) -> Tensor:
    """Return `_features` of a batch as it was read."""
    return _features(encoder, _beside(encoder, images), sizes, orientations)


def _beside(encoder: Encoder, images: Tensor) -> Tensor:
    """Return images on the device of the encoder."""
    return images.to(next(encoder.parameters()).device, non_blocking=True)


def _features(encoder: Encoder, images: Tensor, sizes: Sequence[int], orientations: int) -> Tensor:
    """Return features (B, C) of uint8 images (B, 3, S, S), the mean over the ways to see them.

    Of trimmed ones (B, 2, 3, S, S) the second look counts as much where it differs from the first.
    """
    if images.dim() == 4:
        return _features_of_look(encoder, images, sizes, orientations)
    whole, rest = images.unbind(1)
    features = _features_of_look(encoder, whole, sizes, orientations)
    has_margins = (whole != rest).flatten(1).any(1)
    if has_margins.any():
        without = _features_of_look(encoder, rest[has_margins], sizes, orientations)
        features[has_margins] = (features[has_margins] + without) / 2
    return features


def _features_of_look(
    encoder: Encoder, images: Tensor, sizes: Sequence[int], orientations: int
) -> Tensor:
    """Return features (B, C) of uint8 images (B, 3, S, S), the mean over sizes and turns."""
    seen = [_resized(images, size) for size in sizes or images.shape[-1:]]
    if orientations >= 4:
        seen += [batch.rot90(quarters, (-2, -1)) for quarters in (1, 2, 3) for batch in seen]
    if orientations in (2, 8):
        seen += [batch.flip(-1) for batch in seen]
    return torch.stack([_features_of_parts(encoder, batch) for batch in seen]).mean(0)


def _features_of_parts(encoder: Encoder, images: Tensor) -> Tensor:
    """Return features (B, C) of uint8 images (B, 3, S, S), of a part after the other."""
    found = []
    for part in _parts(images):
        go_on()
        found.append(encoder.features(part))
    return torch.cat(found)


def _parts(images: Tensor) -> tuple[Tensor, ...]:
    """Return square images as many at a time as a CPU computes with best; elsewhere all."""
    if images.device.type != "cpu":
        return (images,)
    return images.split(max(1, _CPU_PIXELS // images.shape[-1] ** 2))


def _turned(images: Tensor, turn: int) -> Tensor:
    """Return square images (..., 3, S, S) in one of 8 orientations; 0 is as they are."""
    if not turn:
        return images
    mirrored, quarters = divmod(turn, 4)
    return torch.rot90(images.flip(-1) if mirrored else images, quarters, (-2, -1))


def _resized(images: Tensor, side: int) -> Tensor:
    if side == images.shape[-1]:
        return images
    resize = partial(functional.interpolate, size=(side, side), mode="bilinear", antialias=True)
    return torch.cat([resize(part.float()) for part in _parts(images)])


def _part(start: int, rows: int, views: int) -> list[int]:
    """Return the items of this process's part of the block of rows from `start` on.

    Where the rows run out, parts are filled up with the last row, to be of equal size.
    """
    size = min(BATCH_IMAGES, -(-(rows - start) // distributed.world_size()))
    first = start + distributed.rank() * size
    numbers = [min(number, rows - 1) for number in range(first, first + size)]
    return [number * views + view for number in numbers for view in range(views)]
