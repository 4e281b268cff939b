"""NT-Xent against the formula in float64."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from iscqk.learning.ntxent import ntxent_loss
from iscqk.methods import simclr
from iscqk.methods.simclr.objective import InBatch
from iscqk.models.encoder import Encoder, EncoderConfig


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


def test_simclr_takes_it_of_both_images_of_pairs_and_leaves_no_positive_among_the_negatives():
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()
    pixels = torch.randint(0, 256, (6, 2, 3, 32, 32), dtype=torch.uint8)
    objective = InBatch(encoder, simclr.Settings(temperature=0.3))
    outcome = objective(encoder, pixels, torch.arange(6), True)
    first, second = (encoder(part) for part in pixels.unbind(1))
    torch.testing.assert_close(outcome.loss, ntxent_loss(first, second, 0.3), rtol=1e-4, atol=0)
    similarities = first @ second.T
    torch.testing.assert_close(outcome.positive, similarities.diagonal(), rtol=1e-4, atol=0)
    nearest = similarities.fill_diagonal_(-2).amax(1)
    torch.testing.assert_close(outcome.negative, nearest, rtol=1e-4, atol=0)
