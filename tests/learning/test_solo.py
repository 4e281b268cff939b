"""The loss of one network against its own bank, from the formulas in float64."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from iscqk.errors import UserError
from iscqk.methods.solo import Settings
from iscqk.methods.solo.objective import OwnBank, koleo


def unit(count, size, seed):
    rows = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, size)))
    return functional.normalize(rows, dim=1)


def test_koleo_is_minus_the_mean_log_distance_to_the_nearest_other_row():
    queries, rows, targets = unit(5, 8, 0), unit(40, 8, 1), torch.tensor([3, 3, 0, 39, 7])
    rows[3] = queries[0]  # its own row, at distance 0, does not count
    expected = []
    for query, target in zip(queries, targets, strict=True):
        distances = [float((query - row).norm()) for n, row in enumerate(rows) if n != target]
        expected.append(-np.log(min(distances)))
    found = koleo(queries.float(), rows.float(), targets)
    assert found.item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_koleo_pushes_from_the_nearest_other_row():
    rows = unit(30, 8, 2).float()
    query = functional.normalize(rows[:1] + 0.1 * rows[1:2], dim=1).requires_grad_()
    koleo(query, rows, torch.tensor([9])).backward()
    assert (query.grad * rows[:1]).sum() > 0  # a step against the gradient leads away from it


def test_koleo_is_finite_where_another_row_is_the_same():
    rows = unit(30, 8, 2).float()
    query = rows[:1].clone().requires_grad_()
    loss = koleo(query, rows, torch.tensor([9]))
    loss.backward()
    assert loss.item() == pytest.approx(-np.log(1e-4)) and query.grad.isfinite().all()


class Given(torch.nn.Module):
    """An encoder of what is already described."""

    def forward(self, rows):
        return rows


def test_the_loss_is_a_softmax_over_the_bank_and_a_share_of_koleo():
    queries, rows, targets = unit(4, 8, 3), unit(50, 8, 4), torch.tensor([1, 0, 49, 20])
    settings = Settings(temperature=0.07, koleo=3)
    loss = OwnBank(Given(), settings, lambda _: rows.float())(
        Given(), queries.float(), targets, True
    )
    cross_entropy = functional.cross_entropy(queries @ rows.T / 0.07, targets)
    expected = cross_entropy + 3 * koleo(queries, rows, targets)
    assert loss.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    similarities = queries @ rows.T
    own = similarities[torch.arange(4), targets].clone()
    similarities[torch.arange(4), targets] = -2
    torch.testing.assert_close(loss.health.positive, own.float())
    torch.testing.assert_close(loss.health.negative, similarities.amax(1).float())


def test_koleo_of_one_image_is_refused_and_the_softmax_of_one_is_not():
    """Its nearest row would be its own, from which it would be pushed."""
    query, rows, own = unit(1, 8, 3).float(), unit(1, 8, 4).float(), torch.tensor([0])
    with pytest.raises(UserError, match="^train.solo.koleo: of one training image there is no"):
        OwnBank(Given(), Settings(koleo=1), lambda _: rows)(Given(), query, own, False)
    outcome = OwnBank(Given(), Settings(), lambda _: rows)(Given(), query, own, True)
    assert outcome.loss.item() == pytest.approx(0, abs=1e-6)
