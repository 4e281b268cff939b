"""The bank loss against the formula in float64, value and every gradient."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from iscqk.errors import UserError
from iscqk.learning import attention
from iscqk.learning import bank_loss as module
from iscqk.learning.bank_loss import (
    bank_loss,
    expected_bank_loss,
    live_bank_loss,
    live_soft_targets,
    log_partition,
    nearest_others,
    soft_targets,
)


def unit_rows(count: int, size: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, size, generator=generator), dim=1)


def slow_loss(queries, bank, targets, temperature):
    """-1/B sum_i log( exp(q_i.k_y / t) / sum_j exp(q_i.k_j / t) ), term by term in float64."""
    total = 0.0
    for query, target in zip(queries, targets, strict=True):
        similarities = np.array([float(query @ key) for key in bank]) / temperature
        peak = similarities.max()
        log_z = peak + np.log(np.exp(similarities - peak).sum())
        total += log_z - similarities[target]
    return total / len(queries)


@pytest.fixture(params=[7, 64, 100_000])
def block(request, monkeypatch):
    monkeypatch.setattr(attention, "BLOCK", request.param)
    monkeypatch.setattr(module, "BLOCK", request.param)


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


@pytest.mark.parametrize("softness", [0.0, 0.3, 1.0])
def test_soft_targets_and_their_mix_are_cross_entropy(block, softness):
    """-sum_j p_ij log softmax_j, p a mix of one-hot and a teacher's softmax, in float64."""
    queries, bank = unit_rows(5, 16, 0).double().requires_grad_(), unit_rows(120, 16, 1).double()
    targets = torch.tensor([3, 119, 7, 64, 64])
    teacher = torch.softmax(bank[targets] @ bank.T / 0.2, 1)
    mixed = (1 - softness) * nn.functional.one_hot(targets, 120) + softness * teacher
    expected = -(mixed * torch.log_softmax(queries @ bank.T / 0.07, 1)).sum(1).mean()
    (wanted,) = torch.autograd.grad(expected, queries)
    rows = (1 - softness) * bank[targets] + softness * soft_targets(bank[targets], bank, 0.2)
    for ours in (
        expected_bank_loss(queries, bank, mixed @ bank, 0.07),
        expected_bank_loss(queries, bank, rows, 0.07),
    ):
        assert ours.item() == pytest.approx(expected.item(), rel=1e-6)
        (found,) = torch.autograd.grad(ours, queries)
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("own", [True, False])
def test_soft_targets_give_what_is_excluded_no_share(block, own):
    teachers, bank, values = (
        unit_rows(*size).double() for size in ((4, 8, 0), (90, 8, 1), (90, 5, 2))
    )
    excluded = torch.tensor([[0, 0], [1, 6], [1, 7], [3, 63], [0, 64], [3, 89]])
    logits = teachers @ bank.T / 0.1
    logits[excluded[:, 0], excluded[:, 1]] = -torch.inf
    found = soft_targets(teachers, bank, 0.1, excluded, values=None if own else values)
    torch.testing.assert_close(found, logits.softmax(1) @ (bank if own else values))


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


def test_live_head_agrees_with_autograd_of_the_full_matrix(block):
    torch.manual_seed(6)
    head = nn.Linear(12, 8).double().float()
    queries, features = unit_rows(4, 8, 7).requires_grad_(), torch.randn(150, 12)
    targets = torch.tensor([3, 149, 0, 64])

    def project(rows):
        return normalize(head(rows), dim=1)

    live_bank_loss(queries, features, project, project(features[targets]), 0.1).backward()
    found = [queries.grad.clone(), head.weight.grad.clone(), head.bias.grad.clone()]
    queries.grad = head.weight.grad = head.bias.grad = None
    logits = queries @ project(features).T / 0.1
    (torch.logsumexp(logits, 1) - logits[torch.arange(4), targets]).mean().backward()
    for ours, theirs in zip(found, [queries.grad, head.weight.grad, head.bias.grad], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("own", [False, True])
def test_of_soft_targets_a_live_head_learns_what_autograd_says(block, own):
    """The teacher's softmax is a constant, the rows that it weighs are as live as the loss's."""
    torch.manual_seed(6)
    head, features = nn.Linear(12, 8).double(), torch.randn(150, 12).double()
    queries, targets = unit_rows(4, 8, 7).double(), torch.tensor([3, 149, 0, 64])

    def project(rows):
        return normalize(head(rows), dim=1)

    rows = project(features)
    soft = torch.softmax(rows[targets] @ rows.T / 0.2, 1).detach()
    logs = torch.log_softmax(queries @ rows.T / 0.1, 1)
    wanted = torch.autograd.grad(-(soft * logs).sum(1).mean(), head.weight)
    bank = rows.detach()
    if own:  # the head is the teacher, too
        expected = live_soft_targets(rows[targets], features, project, 0.2)
    else:
        expected = soft_targets(bank[targets], bank, 0.2, values=features, project=project)
    loss = live_bank_loss(queries, features, project, expected, 0.1)
    torch.testing.assert_close(torch.autograd.grad(loss, head.weight), wanted)


def test_a_live_head_learns_where_a_query_may_see_no_row_of_a_block(monkeypatch):
    """As in a last block of one row, of a near-duplicate: its log Z is -inf, no gradient NaN."""
    monkeypatch.setattr(module, "BLOCK", 8)
    torch.manual_seed(6)
    head, features, targets = nn.Linear(12, 8).double(), torch.randn(17, 12).double(), [3, 0]
    queries = unit_rows(2, 8, 7).double().requires_grad_()
    excluded = torch.tensor([[0, 16]])

    def project(rows):
        return normalize(head(rows), dim=1)

    logits = queries @ project(features).T / 0.1
    soft = project(features[targets]) @ project(features).T / 0.2
    kept = torch.arange(17).expand(2, 17) < torch.tensor([[16], [17]])
    soft = soft.masked_fill(~kept, -torch.inf).softmax(1).detach()
    logs = logits.masked_fill(~kept, -torch.inf).log_softmax(1).masked_fill(~kept, 0)
    expected = live_soft_targets(project(features[targets]), features, project, 0.2, excluded)
    loss = live_bank_loss(queries, features, project, expected, 0.1, excluded)
    ours, theirs = (
        torch.autograd.grad(one, [queries, head.weight, head.bias])
        for one in (loss, -(soft * logs).sum(1).mean())
    )
    torch.testing.assert_close(ours, theirs)


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


def test_of_a_live_head_no_more_than_a_block_of_rows_is_ever_there(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 16)
    queries, features, made = unit_rows(3, 8, 0), torch.randn(100, 8), []
    head = nn.Linear(8, 8)

    def project(rows):
        made.append(len(rows))
        return normalize(head(rows), dim=1)

    expected = live_soft_targets(queries, features, project, 0.1)
    live_bank_loss(queries, features, project, expected, 0.1).backward()
    nearest_others(queries, features, torch.arange(3), None, project)
    assert max(made) == 16 and sum(made) == 6 * 100  # twice again in the backward pass


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


def test_a_live_head_computes_in_float64_where_queries_do():
    queries, features = unit_rows(4, 8, 7).double(), unit_rows(150, 8, 8).double()
    targets = torch.tensor([3, 149, 0, 64])
    loss = live_bank_loss(queries, features, lambda rows: rows, features[targets], 0.1)
    expected = nn.functional.cross_entropy(queries @ features.T / 0.1, targets)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
