"""How workers of a loader hand batches over: in memory that processes share, or through a pipe.

The former, as torch does it, copies less. Where it is small, as in a container, whose /dev/shm has
64 MB, a batch that does not fit would end the worker by SIGBUS.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate, get_worker_info

from iscqk.learning import distributed

_SHARED = Path("/dev/shm")  # other systems have no such folder, and no such limit


def collate(items: Sequence[Any]) -> Any:
    """Return the batch of some items; in a worker as arrays, where shared memory has no room.

    Items are tensors, or tuples or lists of tensors and numbers, of the same shapes each. Room is
    there if all workers can find what is left at once, and each still has a batch of it.
    """
    if (worker := get_worker_info()) is not None:
        wanted = _size(items[0]) * len(items) * worker.num_workers * distributed.processes_here()
        if wanted > _free():
            return _arrays(items)
    return default_collate(list(items))


def tensors(batch: Any) -> Any:
    """Return a batch with tensors in place of the arrays of `collate`."""
    if isinstance(batch, list):
        return [tensors(part) for part in batch]
    return torch.from_numpy(batch) if isinstance(batch, np.ndarray) else batch


def _size(item: Any) -> int:
    """Return the bytes of an item."""
    if isinstance(item, tuple | list):
        return sum(map(_size, item))
    return item.nbytes if isinstance(item, Tensor) else 8


def _free() -> float:
    with suppress(OSError):
        return shutil.disk_usage(_SHARED).free
    return float("inf")


def _arrays(items: Sequence[Any]) -> Any:
    """Return what `default_collate` does, but as arrays."""
    if isinstance(items[0], tuple | list):
        return [_arrays(part) for part in zip(*items, strict=True)]
    return np.stack([np.asarray(item) for item in items])
