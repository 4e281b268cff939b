"""Make up descriptions of images that there are not, like those of real ones, to try large numbers.

They are random unit rows of the mean and covariance of real descriptors, so that as many directions
matter as do there. The file is one of `iscqk describe`, for `iscqk match` and `duplicates`.
"""

import argparse
from pathlib import Path

import numpy as np

from iscqk.errors import UserError
from iscqk.formats.described_images import DescribedImages, File, read_described
from iscqk.formats.described_shards import (
    ROWS,
    listed_shards,
    remove_others,
    write_list,
    write_shard,
)
from iscqk.formats.printable_names import printable
from iscqk.runtime.logs import progress
from iscqk.runtime.options import count, output_file

EXAMPLE = "iscqk synthesize-images photos.h5 --count 1000000 --output million.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("file", type=Path, help="descriptors of real images, by `iscqk describe`")
    parser.add_argument("--count", type=count, required=True, help="of made-up images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=output_file, required=True, metavar="H5")


def run(arguments: argparse.Namespace) -> None:
    """Write the list and its shards, however few; of many real images the first shard tells."""
    real = read_described(listed_shards(arguments.file)[0])
    if len(real.files) < 2:
        raise UserError(f"{printable(arguments.file)}: of one image; name two at least to be like")
    rows = real.vectors[:].astype(np.float64)
    values, directions = np.linalg.eigh(np.cov(rows.T))
    spread = (directions * np.sqrt(values.clip(min=0))).T.astype(np.float32)
    mean = rows.mean(0).astype(np.float32)
    rng = np.random.default_rng(arguments.seed)
    starts = range(0, arguments.count, ROWS)
    shards: list[Path] = []
    for start in progress(starts, len(starts), "synthesize-images, shards"):
        numbers = range(start, min(start + ROWS, arguments.count))
        vectors = rng.standard_normal((len(numbers), len(spread)), dtype=np.float32) @ spread + mean
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        files = [File(f"/made-up/{number:08}.jpg", 0, 0, 0, number) for number in numbers]
        flat = np.zeros(len(files), np.bool_)
        described = DescribedImages(
            files, [""] * len(files), flat, vectors, real.side, real.encoder
        )
        shard = write_shard(arguments.output, len(shards), described, start, arguments.count)
        shards.append(shard)
    write_list(arguments.output, shards, real.side, real.encoder)
    remove_others(arguments.output, shards)
