"""Rows by their lengths: as torch has them to the last bit, and where it has none."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from iscqk.models.unit_rows import unit_rows


def random_rows(count, size):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1, 0.7, 30, 1e6])
@pytest.mark.parametrize("size", [3, 65, 256])
def test_ordinary_rows_are_torchs(size, scale):
    rows = scale * random_rows(100, size)
    np.testing.assert_array_equal(unit_rows(rows), normalize(rows, dim=1))


@pytest.mark.parametrize("scale", [1e-44, 1e-40, 1e-20, 1e-13, 1e20, 3e37])
def test_rows_of_any_length_become_unit_rows(scale):
    rows = (scale * random_rows(9, 6).double()).float()
    exact = rows.double() / rows.double().norm(dim=1, keepdim=True)
    torch.testing.assert_close(unit_rows(rows).double(), exact, rtol=0, atol=1e-6)


def test_rows_of_nothing_stay_so():
    assert not unit_rows(torch.zeros(2, 3)).any() and len(unit_rows(torch.zeros(0, 3))) == 0
