"""The two ways in which dropout and batch norms compute: while a network learns, and in use.

torch has one switch for both (`train`, `eval`); a network whose batch norms are frozen needs two.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from iscqk.models.torch_internals import BatchNorm


def batch_norms(network: nn.Module) -> list[BatchNorm]:
    """Return the batch norms of a network."""
    return [module for module in network.modules() if isinstance(module, BatchNorm)]


@contextmanager
def in_use(network: nn.Module) -> Iterator[None]:
    """Let a network compute as it describes while this lasts, and then as it did, in all parts."""
    before = [(module, module.training) for module in network.modules()]  # outer ones first
    network.eval()
    try:
        yield
    finally:
        for module, training in before:
            if module.training != training:
                module.train(training)  # timm's LeViT forgets then what it made of its weights
