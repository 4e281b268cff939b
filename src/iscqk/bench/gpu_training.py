"""Half a round of Q/K as the product trains it: images a second, and the share of time that waits.

    PYTHONPATH=src python -m iscqk.bench.gpu_training
    PYTHONPATH=src torchrun --nproc-per-node 8 -m iscqk.bench.gpu_training

prints a line of CSV under its header. Several processes split batch and bank between them; the loss
is that of one process up to rounding. Needs torch and timm, with what these bring, and nothing
else, so that a machine without a package registry will do, given this folder.
"""

import argparse
import csv
import io
import os
import sys
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from iscqk.learning import distributed
from iscqk.learning.attention import BLOCK
from iscqk.learning.checkpoint import Checkpoint
from iscqk.learning.data_loading import OriginalImages
from iscqk.learning.frozen_side import FrozenSide
from iscqk.learning.training import TrainConfig, Training
from iscqk.methods.qk import Settings
from iscqk.methods.qk.objective import FrozenBank
from iscqk.models.device import choose_device, set_threads
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.runtime.cores import cores

_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
_WARM_STEPS = 3  # of another training before it: kernels are chosen, workers' pages are there


class _NoCheckpoint(Checkpoint):
    """None that is there, nor that is ever saved, as no time for that shall be measured."""

    def __init__(self) -> None:
        super().__init__(f"{os.devnull}/none", "")

    def is_due(self) -> bool:
        return False


class Row(NamedTuple):
    """What a training did; rates and loss are those of all processes together."""

    device: str
    processes: int
    network: str
    side: int
    batch: int
    rows: int
    bank: str
    images_per_second: float
    data_wait: float
    loss: float
    peak_mib: float | None  # of this process's GPU


def photographs(count: int, side: int) -> list[bytes]:
    """Return JPEG files, 4 : 3, whose longer side is `side`, with detail as photographs have."""
    made, rng = [], np.random.default_rng(0)
    for _ in range(count):
        coarse, fine = (
            Image.fromarray(rng.integers(0, 256, (3 * n, 4 * n, 3), np.uint8)).resize(
                (side, side * 3 // 4), Image.Resampling.BICUBIC
            )
            for n in (2, 24)
        )
        file = io.BytesIO()
        Image.blend(coarse, fine, 0.3).save(file, "JPEG", quality=85)
        made.append(file.getvalue())
    return made


def bank(rows: int, dimension: int, dtype: torch.dtype) -> tuple[Tensor, int]:
    """Return this process's part of a bank of unit rows, and the number of its first row."""
    first, last = (rows * (distributed.rank() + end) // distributed.world_size() for end in (0, 1))
    mine = torch.empty(last - first, dimension, dtype=dtype)
    generator = torch.Generator().manual_seed(0)
    for start in range(0, rows, BLOCK):  # all of them, so that it is the same bank
        block = torch.randn(min(BLOCK, rows - start), dimension, generator=generator)
        low, high = max(start, first), min(start + len(block), last)
        if low < high:
            unit = functional.normalize(block[low - start : high - start], dim=1)
            mine[low - first : high - first] = unit.to(dtype)
    return mine, first


def measured(given: argparse.Namespace, device: torch.device) -> Row:
    """Train, and return what it took."""
    images = OriginalImages(photographs(given.images, given.photograph), given.side)
    rows, first = bank(max(given.rows, given.images), given.dimension, _DTYPES[given.bank])
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(given.network, given.side, "gem", given.dimension))
    encoder.precision = "auto"
    objective = FrozenBank(FrozenSide(rows, first), Settings(bank_precision=given.bank))
    encoder, objective = encoder.to(device), objective.to(device)
    for steps in (_WARM_STEPS, given.steps):
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        training = Training(encoder, objective, _config(given, steps))
        training.run(images, given.workers, _NoCheckpoint())
    last = training.history[-1]
    return Row(
        torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        distributed.world_size(),
        given.network,
        given.side,
        given.batch,
        objective.count,
        given.bank,
        last["images_per_second"],
        last["data_wait"],
        last["loss"],
        torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else None,
    )


def _config(given: argparse.Namespace, steps: int) -> TrainConfig:
    return TrainConfig(
        images=steps * given.batch,
        batch_size=given.batch,
        optimizer="adamw",
        learning_rate=1e-5,
        head_learning_rate=1e-5,
        weight_decay=1e-4,
        warmup=0.1,
        schedule="cosine",
        batch_norm="frozen",
        log_every=steps,
        checkpoint_every=steps + 1,
        compile=given.compile,
        seed=0,
    )


def main() -> None:
    """Write a table of one row to standard output."""
    given = _arguments()
    device = choose_device()
    set_threads(given.threads)
    with distributed.process_group(device):
        row = measured(given, device)
        if distributed.rank() == 0:
            table = csv.writer(sys.stdout, lineterminator="\n")
            table.writerows([Row._fields, row])
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    share = max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    numbers = {
        "batch": (256, "images of a step, of all processes"),
        "side": (224, "of what the network sees, in pixels"),
        "rows": (10**6, "of the bank, of all processes"),
        "dimension": (256, "of descriptors"),
        "steps": (100, "that are measured, after a few that are not"),
        "images": (4096, "that are learned from, again and again"),
        "photograph": (640, "longer side of their files, in pixels"),
        "workers": (max(1, share - 1), "of each process, that read images"),
        "threads": (1, "of each process, to compute with"),
    }
    parser.add_argument("--network", default="resnet50", help="timm's name (default: resnet50)")
    for name, (default, what) in numbers.items():
        parser.add_argument(
            f"--{name}", type=int, default=default, help=f"{what} (default: {default})"
        )
    parser.add_argument("--bank", choices=_DTYPES, default="bf16", help="(default: bf16)")
    parser.add_argument("--compile", action="store_true", help="let torch compile the network")
    return parser.parse_args()


if __name__ == "__main__":
    main()
