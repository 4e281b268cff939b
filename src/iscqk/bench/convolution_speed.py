"""Images a second that a training's backbone takes, by the fast convolutions and by torch's own."""

import copy
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from iscqk.bench.measuring import median_seconds, take_turns
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.fast_convolutions import fast_convolutions

NETWORKS = {"mobilenetv2_100": 112, "resnet10t": 64}  # backbone: side in pixels
_BATCH = 64
_ENOUGH = 20.0


def compare_convolutions(repeats: int) -> Iterator[dict[str, float | str]]:
    """Yield images a second, forward and backward, of each network by each way, side by side.

    The batch norms are frozen, the precision is `auto`, the weights are random. `ratio` is to
    torch's own way of the same network.
    """
    for name, side in NETWORKS.items():
        encoder = Encoder(EncoderConfig(name, side, "gem", 256)).eval()
        encoder.precision = "auto"
        images = torch.randint(256, (_BATCH, 3, side, side), dtype=torch.uint8)
        fast = copy.deepcopy(encoder)
        ways: dict[str, Callable[[], None]] = {
            "torch's": partial(_step, encoder, images),
            "fast": partial(_step, fast, images),
        }
        with fast_convolutions(fast.backbone, True, fast.dry_run):
            for run in ways.values():
                run()  # the first one builds its kernels
            taken = take_turns(ways, repeats, _ENOUGH)
        medians = {way: median_seconds(runs) for way, runs in taken.items()}
        for way, seconds in medians.items():
            yield {
                "network": name,
                "side": side,
                "way": way,
                "images_per_second": _BATCH / seconds,
                "ratio": medians["torch's"] / seconds,
            }


def _step(encoder: Encoder, images: Tensor) -> None:
    encoder.zero_grad(set_to_none=True)
    encoder(images)[:, 0].sum().backward()
