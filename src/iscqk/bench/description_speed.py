"""How much of the bare model's rate is left when images come from files and rows go to one."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from torch import Tensor

from iscqk.bench.measuring import take_turns
from iscqk.formats.descriptor_shards import appending_descriptors
from iscqk.learning.data_loading import OriginalImages
from iscqk.learning.embedding import BATCH_IMAGES, embed
from iscqk.models.device import set_threads
from iscqk.models.encoder import Encoder

BARE, OURS, READING = "bare model", "iscqk embed", "reading alone"


def compare_extraction(
    encoder: Encoder, paths: Sequence[str], threads: int, repeats: int
) -> pd.DataFrame:
    """Return images per second of `iscqk embed` and of the model on decoded images in memory.

    Both on one thread and on `threads`; `of_bare` is the share of the bare model's rate. Neither
    counts its first block, in which processes start and kernels are chosen, so that more images
    than one block's are needed. Reading alone, on one thread, tells what there is to hide.
    """
    images = OriginalImages(paths, encoder.config.image_size)
    pixels = torch.stack(_read(images))
    ways: dict[tuple[str, int], Callable[[], float]] = {(READING, 1): partial(_reading, images)}
    for count in sorted({1, threads}):
        ways[BARE, count] = partial(_bare, encoder, pixels, count)
        ways[OURS, count] = partial(_embed, encoder, images, count)
    runs = take_turns(ways, repeats)
    rates = {way: median([one.found for one in measured]) for way, measured in runs.items()}
    return pd.DataFrame(
        {
            "backbone": encoder.config.backbone,
            "side": encoder.config.image_size,
            "way": way,
            "threads": count,
            "per_second": rate,
            "of_bare": rate / rates[BARE, count],
        }
        for (way, count), rate in rates.items()
    )


def _read(images: OriginalImages) -> list[Tensor]:
    return [images[index] for index in range(len(images))]


def _reading(images: OriginalImages) -> float:
    start = time.perf_counter()
    _read(images)
    return len(images) / (time.perf_counter() - start)


@torch.inference_mode()
def _bare(encoder: Encoder, pixels: Tensor, threads: int) -> float:
    set_threads(threads)
    device = next(encoder.parameters()).device
    blocks = [block.to(device) for block in pixels.split(BATCH_IMAGES)]
    encoder(blocks[0]).cpu()
    start = time.perf_counter()
    for block in blocks[1:]:
        encoder(block).cpu()
    return _rate(len(pixels), start)


def _embed(encoder: Encoder, images: OriginalImages, threads: int) -> float:
    """Do what the stage does, to a file that is then forgotten."""
    set_threads(threads)
    ids = [f"R{number:06d}" for number in range(len(images))]
    size, done, start = encoder.head.out_features, 0, 0.0
    with (
        TemporaryDirectory() as folder,
        appending_descriptors(Path(folder, "rows.h5"), size, None, len(ids)) as appender,
    ):
        for _, vectors in embed(encoder, images, threads - 1):
            start = start or time.perf_counter()
            appender.append(ids[done : done + len(vectors)], vectors.numpy())
            done += len(vectors)
    return _rate(len(images), start)


def _rate(images: int, start: float) -> float:
    return (images - BATCH_IMAGES) / (time.perf_counter() - start)
