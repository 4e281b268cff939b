"""The four losses that anybody may check from outside, under the names that are promised."""

import re
from inspect import signature

import pytest
import torch
from torch import logsumexp
from torch.nn.functional import normalize

from conftest import ROOT
from iscqk.learning import bank_loss as bank_losses
from iscqk.learning.bank_loss import bank_loss
from iscqk.learning.isd import isd_loss
from iscqk.learning.moco import moco_loss
from iscqk.learning.ntxent import ntxent_loss

B, K, D, T, S = 5, 40, 16, 0.07, 0.02
TARGETS = torch.tensor([0, 39, 7, 7, 20])
QUEUE = normalize(torch.randn(K, D, generator=torch.Generator().manual_seed(0)).double(), dim=1)
ROWS = normalize(torch.randn(2, B, D, generator=torch.Generator().manual_seed(1)).double(), dim=2)


def of_ntxent(a, b):
    rows = torch.cat([a, b])
    alike = (rows @ rows.T / T).masked_fill(torch.eye(2 * B).bool(), -torch.inf)
    return (logsumexp(alike, 1) - (rows * torch.cat([b, a])).sum(1) / T).mean()


def of_moco(a, b):
    positives = (a * b).sum(1, keepdim=True) / T
    return (logsumexp(torch.cat([positives, a @ QUEUE.T / T], 1), 1) - positives[:, 0]).mean()


def of_isd(a, b):
    target, found = torch.softmax(b @ QUEUE.T / S, 1), a @ QUEUE.T / T
    logs = b @ QUEUE.T / S - logsumexp(b @ QUEUE.T / S, 1, keepdim=True)
    return (target * (logs - found + logsumexp(found, 1, keepdim=True))).sum(1).mean()


def of_bank(a, b):
    return (logsumexp(a @ QUEUE.T / T, 1) - (a * QUEUE[TARGETS]).sum(1) / T).mean()


@pytest.mark.parametrize(
    ("loss", "names", "others", "formula"),
    [
        (ntxent_loss, "view0, view1, temperature, images", (T,), of_ntxent),
        (moco_loss, "query, key, queue, temperature", (QUEUE, T), of_moco),
        (
            isd_loss,
            "student, teacher, queue, student_temperature, teacher_temperature",
            (QUEUE, T, S),
            of_isd,
        ),
        (bank_loss, "queries, bank, targets, temperature", (TARGETS, T), of_bank),
    ],
    ids=["ntxent", "moco", "isd", "bank"],
)
def test_a_loss_and_its_gradient_are_the_formula_in_float64(loss, names, others, formula):
    assert [*signature(loss).parameters] == names.split(", ")
    trained, second = ROWS[0].clone().requires_grad_(), QUEUE if loss is bank_loss else ROWS[1]
    expected = formula(trained, ROWS[1])
    (wanted,) = torch.autograd.grad(expected, trained)
    for precision, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-5)):
        rows = trained.detach().to(precision).requires_grad_()
        given = [x.to(precision) if x is QUEUE else x for x in others]
        found = loss(rows, second.to(precision), *given)
        found.backward()
        assert found.item() == pytest.approx(expected.item(), rel=tolerance)
        torch.testing.assert_close(rows.grad.double(), wanted, rtol=tolerance, atol=tolerance)


def test_the_page_of_losses_has_all_over_a_bank_and_says_where_the_others_are():
    page = (ROOT / "docs/reference/python.md").read_text()
    named = re.search(r"bank_loss\n *:members: (.*)", page)[1].split(", ")
    own = [
        k
        for k, v in vars(bank_losses).items()
        if getattr(v, "__module__", "") == bank_losses.__name__
    ]
    assert {*named} == {name for name in own if name[0] != "_"} - {"nearest_others"}  # of health
    assert (
        "iscqk.learning.{bank_loss,ntxent,moco,isd}" in page and "methods.*.objective" not in page
    )
