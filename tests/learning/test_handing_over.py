"""Batches come from workers through a pipe where the memory that processes share has no room."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from iscqk.learning import handing_over
from iscqk.learning.handing_over import collate, tensors

IMAGES = torch.arange(4 * 12, dtype=torch.uint8).reshape(4, 3, 2, 2)
ITEMS = {
    "images": [*IMAGES],
    "with their index": list(enumerate(IMAGES)),
    "at two sides": [[image, image[:, :1, :1]] for image in IMAGES],
}


def parts(batch):
    return batch if isinstance(batch, list) else [batch]


@pytest.mark.parametrize("items", ITEMS.values(), ids=ITEMS)
def test_a_batch_is_the_same_whichever_way_it_comes(monkeypatch, items):
    expected = parts(default_collate(items))
    worker = SimpleNamespace(num_workers=7)
    for there, kind in ((None, torch.Tensor), (worker, np.ndarray)):
        monkeypatch.setattr(handing_over, "get_worker_info", lambda there=there: there)
        monkeypatch.setattr(handing_over, "_free", lambda: 7 * 48 - 1)  # of 7 such batches
        batch = collate(items)
        assert all(isinstance(part, kind) for part in parts(batch))
        for part, other in zip(parts(tensors(batch)), expected, strict=True):
            assert part.dtype == other.dtype and torch.equal(part, other)
    monkeypatch.setattr(handing_over, "_free", lambda: 7 * (48 + 4 * 12))
    assert all(isinstance(part, torch.Tensor) for part in parts(collate(items)))
