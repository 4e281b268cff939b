"""NT-Xent against the formula in float64."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from iscqk.learning.data_loading import Pairs, Rounds
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


def test_pairs_of_one_image_are_no_negatives_of_each_other():
    """As in SimCLR's batches, which have no image twice: the formula over the others alone."""
    torch.manual_seed(0)
    view0, view1 = (normalize(torch.randn(6, 10), dim=1) for _ in range(2))
    images = torch.tensor([4, 7, 4, 1, 7, 4])
    rows, of = torch.cat([view0, view1]).double().numpy(), images.repeat(2).tolist()
    total = 0.0
    for i in range(12):
        negatives = [np.exp(rows[i] @ rows[k] / 0.1) for k in range(12) if of[k] != of[i]]
        positive = np.exp(rows[i] @ rows[(i + 6) % 12] / 0.1)
        total -= np.log(positive / (positive + sum(negatives)))
    assert ntxent_loss(view0, view1, 0.1, images).item() == pytest.approx(total / 12, rel=1e-5)
    alone = torch.arange(6)
    assert ntxent_loss(view0, view1, 0.1, alone).equal(ntxent_loss(view0, view1, 0.1))


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
    torch.testing.assert_close(outcome.health.positive, similarities.diagonal(), rtol=1e-4, atol=0)
    nearest = similarities.fill_diagonal_(-2).amax(1)
    torch.testing.assert_close(outcome.health.negative, nearest, rtol=1e-4, atol=0)


def test_simclr_takes_pairs_of_one_image_for_no_negatives():
    """Two copies of an image in a batch have the same original, which is no other's."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()
    pixels = torch.randint(0, 256, (6, 2, 3, 32, 32), dtype=torch.uint8)
    pixels[3, 1] = pixels[2, 1]
    objective = InBatch(encoder, simclr.Settings(temperature=0.3))
    objective.image_of = lambda numbers: numbers // 2
    outcome = objective(encoder, pixels, torch.arange(6), True)
    first, second = (encoder(part) for part in pixels.unbind(1))
    images = torch.arange(6) // 2
    expected = ntxent_loss(first, second, 0.3, images)
    torch.testing.assert_close(outcome.loss, expected, rtol=1e-4, atol=0)
    similarities = first @ second.T
    nearest = similarities.masked_fill(images[:, None] == images, -2).amax(1)
    torch.testing.assert_close(outcome.health.negative, nearest, rtol=1e-4, atol=0)


class Copies:
    """Names of copies, as of images in shards."""

    def __init__(self, count, views):
        self.count, self.views = count, views

    def __len__(self):
        return self.count * self.views

    def name(self, index):
        return range(self.count)[index // self.views]


def test_pairs_of_several_rounds_are_of_the_images_that_they_are_named_by():
    rounds = Rounds([Pairs(Copies(5, views), object()) for views in (2, 1, 3)])
    numbers = torch.randperm(len(rounds))
    named = [rounds.name(number) for number in numbers.tolist()]
    assert len(numbers) == 30 and rounds.image_of(numbers).tolist() == named
