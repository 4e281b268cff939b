"""Soft targets against softmax and cross entropy in float64."""

import pytest
import torch
from blocks import SIZES, take_blocks_of
from torch import nn
from torch.nn.functional import normalize

from iscqk.learning.bank_loss import expected_bank_loss
from iscqk.learning.live_head import live_bank_loss
from iscqk.learning.soft_targets import live_soft_targets, soft_targets
from unit_rows import unit_rows


@pytest.fixture(params=SIZES)
def block(request, monkeypatch):
    take_blocks_of(request.param, monkeypatch)


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
