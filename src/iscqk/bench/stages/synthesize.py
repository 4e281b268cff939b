"""Make up a shard of descriptors: random unit rows, to try sizes for which there are no images."""

import argparse
from pathlib import Path

import numpy as np

from iscqk.formats.descriptor_shards import appending_descriptors
from iscqk.formats.files import sha256_of
from iscqk.formats.hdf5 import Attributes
from iscqk.formats.path_checks import refuse_missing
from iscqk.runtime.logs import progress
from iscqk.runtime.options import count, output_file

_ROWS_AT_ONCE = 65_536

EXAMPLE = r"""iscqk synthesize --rows 1000000 --dimension 255 --seed 0 --weights k.safetensors \
    --output negatives.h5"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("--rows", type=count, required=True)
    parser.add_argument("--dimension", type=count, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=Path, required=True, help="that they pass for made by")
    parser.add_argument("--output", type=output_file, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Write the shard; its ids begin with S, which no image's does."""
    refuse_missing(arguments.weights)
    rng = np.random.default_rng(arguments.seed)
    attributes: Attributes = {"weights_sha256": sha256_of(arguments.weights), "synthetic": 1}
    size, count = arguments.dimension, arguments.rows
    with appending_descriptors(arguments.output, size, attributes, count) as appender:
        starts = range(0, count, _ROWS_AT_ONCE)
        for start in progress(starts, len(starts), "synthesize, blocks of rows"):
            stop = min(start + _ROWS_AT_ONCE, count)
            rows = rng.standard_normal((stop - start, size), dtype=np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            appender.append([f"S{number:06}" for number in range(start, stop)], rows)
