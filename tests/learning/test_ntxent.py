"""NT-Xent against the formula in float64."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from iscqk.learning.ntxent import ntxent_loss


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_loss_is_equation_1_of_simclr(temperature):
    torch.manual_seed(0)
    view0, view1 = (normalize(torch.randn(6, 10), dim=1) for _ in range(2))
    rows = torch.cat([view0, view1]).double().numpy()
    total = 0.0
    for i in range(12):
        others = [np.exp(rows[i] @ rows[k] / temperature) for k in range(12) if k != i]
        total -= np.log(np.exp(rows[i] @ rows[(i + 6) % 12] / temperature) / sum(others))
    assert ntxent_loss(view0, view1, temperature).item() == pytest.approx(total / 12, rel=1e-5)


def test_gradients_reach_both_views():
    views = [normalize(torch.randn(4, 5), dim=1).requires_grad_() for _ in range(2)]
    ntxent_loss(*views, 0.1).backward()
    assert all(view.grad.abs().sum() > 0 for view in views)
