"""The bank loss against the formula in float64, value and every gradient."""

import numpy as np
import pytest
import torch
from blocks import SIZES, take_blocks_of
from torch import nn
from torch.nn.functional import normalize

from iscqk.errors import UserError
from iscqk.learning.bank_loss import bank_loss, log_partition, nearest_others
from iscqk.learning.live_head import live_bank_loss
from unit_rows import unit_rows


def slow_loss(queries, bank, targets, temperature):
    """-1/B sum_i log( exp(q_i.k_y / t) / sum_j exp(q_i.k_j / t) ), term by term in float64."""
    total = 0.0
    for query, target in zip(queries, targets, strict=True):
        similarities = np.array([float(query @ key) for key in bank]) / temperature
        peak = similarities.max()
        log_z = peak + np.log(np.exp(similarities - peak).sum())
        total += log_z - similarities[target]
    return total / len(queries)


@pytest.fixture(params=SIZES)
def block(request, monkeypatch):
    take_blocks_of(request.param, monkeypatch)


@pytest.mark.parametrize("temperature", [0.02, 0.07, 1.0])
def test_loss_is_the_formula(block, temperature):
    queries, bank = unit_rows(5, 16, 0), unit_rows(333, 16, 1)
    targets = torch.tensor([0, 332, 7, 64, 64])
    expected = slow_loss(
        queries.double().numpy(), bank.double().numpy(), targets.tolist(), temperature
    )
    assert bank_loss(queries, bank, targets, temperature).item() == pytest.approx(
        expected, rel=1e-5, abs=1e-6
    )


@pytest.mark.parametrize("target", [-1, 9])
def test_a_target_that_is_no_row_is_refused(target):
    queries, bank = unit_rows(2, 4, 0), unit_rows(9, 4, 1)
    with pytest.raises(UserError, match="^targets: from .*, and the bank has 9 rows; give each"):
        bank_loss(queries, bank, torch.tensor([3, target]), 0.1)


def test_gradients_are_those_of_the_closed_form(block):
    """dL/dQ = (P - Y) K / (t B), dL/dt = -sum (P - Y) * (Q K^T) / (B t^2)."""
    queries, bank = unit_rows(6, 8, 2).requires_grad_(), unit_rows(200, 8, 3)
    targets, temperature = torch.arange(6) * 30, torch.tensor(0.1, requires_grad=True)
    bank_loss(queries, bank, targets, temperature).backward()
    q, k, t = queries.detach().double(), bank.double(), 0.1
    difference = torch.softmax(q @ k.T / t, 1) - nn.functional.one_hot(targets, 200)
    torch.testing.assert_close(
        queries.grad.double(), difference @ k / (t * 6), rtol=1e-4, atol=1e-6
    )
    expected = -(difference * (q @ k.T)).sum() / (6 * t**2)
    assert temperature.grad.item() == pytest.approx(expected.item(), rel=1e-4)


def test_log_partition_of_extreme_similarities_is_finite():
    queries = normalize(torch.ones(1, 4), dim=1)
    bank = torch.cat([queries, -queries])
    assert log_partition(queries, bank, 1e-3).item() == pytest.approx(1000.0)
    assert log_partition(-queries, bank[:1], 1e-3).item() == pytest.approx(-1000.0)


def test_a_bfloat16_bank_is_accumulated_in_float32():
    queries, bank = unit_rows(8, 64, 4), unit_rows(20_000, 64, 5).bfloat16()
    exact = torch.logsumexp(queries.double() @ bank.double().T / 0.05, 1)
    torch.testing.assert_close(
        log_partition(queries, bank, 0.05).double(), exact, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("listed", [False, True])
def test_nearest_others_leave_out_the_target_and_what_is_excluded(block, listed):
    queries, bank = unit_rows(5, 8, 8), unit_rows(90, 8, 9)
    targets = torch.tensor([0, 10, 20, 88, 89])
    bank[targets] = queries  # the nearest row of all, and not a negative
    similarities = queries @ bank.T
    similarities[torch.arange(5), targets] = -2
    excluded = None
    if listed:  # of queries 1 and 3 the nearest other row is none that counts either
        excluded = torch.stack([torch.tensor([1, 3]), similarities[[1, 3]].argmax(1)], 1)
        excluded = excluded[excluded[:, 1].argsort()]
        similarities[excluded[:, 0], excluded[:, 1]] = -2
    nearest, rows = nearest_others(queries, bank, targets, excluded)
    torch.testing.assert_close(nearest, similarities.amax(1))
    assert rows.tolist() == similarities.argmax(1).tolist()
    made = nearest_others(queries, -bank, targets, excluded, torch.neg)  # a head's, by blocks
    assert [*map(torch.equal, made, (nearest, rows))] == [True, True]


@pytest.mark.parametrize("live", [False, True], ids=["frozen", "live"])
@pytest.mark.parametrize("noise", [0.02, 0.3, 1.0])  # losses of 2e-4, 5e-4 and 0.1
def test_gradients_of_bfloat16_queries_are_rounded_once(live, noise):
    """The two terms' gradients nearly cancel; rounded before that they were off by 16 times."""
    bank, targets = unit_rows(5000, 64, 0), torch.arange(0, 5000, 50)
    given = normalize(bank[targets] + noise * unit_rows(len(targets), 64, 1), dim=1).bfloat16()
    queries, exact = given.clone().requires_grad_(), given.double().requires_grad_()
    scale = torch.tensor(0.05, dtype=torch.bfloat16, requires_grad=True)
    exact_scale = scale.detach().double().requires_grad_()
    if live:
        live_bank_loss(queries, bank, lambda rows: rows, bank[targets], scale).backward()
    else:
        bank_loss(queries, bank, targets, scale).backward()
    logits = exact @ bank.double().T / exact_scale
    nn.functional.cross_entropy(logits, targets).backward()
    assert (queries.grad - exact.grad).norm() < 0.01 * exact.grad.norm()
    assert scale.grad.item() == pytest.approx(exact_scale.grad.item(), rel=0.01)
