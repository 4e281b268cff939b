"""The loss of a live head against autograd of the whole matrix of similarities."""

import pytest
import torch
from blocks import SIZES, take_blocks_of
from torch import nn
from torch.nn.functional import normalize

from iscqk.learning.bank_loss import nearest_others
from iscqk.learning.live_head import live_bank_loss
from iscqk.learning.soft_targets import live_soft_targets
from unit_rows import unit_rows


@pytest.fixture(params=SIZES)
def block(request, monkeypatch):
    take_blocks_of(request.param, monkeypatch)


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


def test_a_live_head_learns_where_a_query_may_see_no_row_of_a_block(monkeypatch):
    """As in a last block of one row, of a near-duplicate: its log Z is -inf, no gradient NaN."""
    take_blocks_of(8, monkeypatch)
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


def test_of_a_live_head_no_more_than_a_block_of_rows_is_ever_there(monkeypatch):
    take_blocks_of(16, monkeypatch)
    queries, features, made = unit_rows(3, 8, 0), torch.randn(100, 8), []
    head = nn.Linear(8, 8)

    def project(rows):
        made.append(len(rows))
        return normalize(head(rows), dim=1)

    expected = live_soft_targets(queries, features, project, 0.1)
    live_bank_loss(queries, features, project, expected, 0.1).backward()
    nearest_others(queries, features, torch.arange(3), None, project)
    assert max(made) == 16 and sum(made) == 6 * 100  # twice again in the backward pass


def test_a_live_head_computes_in_float64_where_queries_do():
    queries, features = unit_rows(4, 8, 7).double(), unit_rows(150, 8, 8).double()
    targets = torch.tensor([3, 149, 0, 64])
    loss = live_bank_loss(queries, features, lambda rows: rows, features[targets], 0.1)
    expected = nn.functional.cross_entropy(queries @ features.T / 0.1, targets)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
