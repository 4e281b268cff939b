"""MoCo and ISD: losses against the published formulas, the queue, the slow encoder."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import normalize

from iscqk.errors import UserError
from iscqk.learning.bank_loss import expected_bank_loss
from iscqk.learning.isd import isd_loss
from iscqk.learning.moco import moco_loss
from iscqk.learning.momentum import Queue, _move
from iscqk.learning.objectives import pair_health
from iscqk.methods import isd, moco
from iscqk.methods.isd.objective import SelfDistillation
from iscqk.methods.moco.objective import MomentumContrast
from iscqk.models.encoder import Encoder, EncoderConfig


def unit_rows(count, size=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, size, generator=generator, dtype=torch.float64), dim=1)


def gradient(loss, trained):
    (found,) = torch.autograd.grad(loss, trained, retain_graph=True)
    return found


@pytest.mark.parametrize("temperature", [0.07, 0.2])
def test_moco_is_its_formula_and_the_published_code(temperature):
    query, key, queue = unit_rows(6, seed=1).requires_grad_(), unit_rows(6, seed=2), unit_rows(40)
    # He et al., eq. 1, term by term.
    total = 0
    for q, k in zip(query, key, strict=True):
        positive = torch.exp(q @ k / temperature)
        negatives = sum(torch.exp(q @ row / temperature) for row in queue)
        total = total - torch.log(positive / (positive + negatives))
    formula = total / 6
    # facebookresearch/moco, moco/builder.py.
    l_pos = torch.einsum("nc,nc->n", [query, key]).unsqueeze(-1)
    l_neg = torch.einsum("nc,ck->nk", [query, queue.T])
    logits = torch.cat([l_pos, l_neg], dim=1) / temperature
    published = nn.CrossEntropyLoss()(logits, torch.zeros(6, dtype=torch.long))
    ours = moco_loss(query, key, queue, temperature)
    single = moco_loss(query.float(), key.float(), queue.float(), temperature)
    for reference in (formula, published):
        assert ours.item() == pytest.approx(reference.item(), abs=1e-12)
        assert single.item() == pytest.approx(reference.item(), rel=1e-6)
        torch.testing.assert_close(gradient(ours, query), gradient(reference, query))


@pytest.mark.parametrize("temperatures", [(0.02, 0.02), (0.1, 0.01)])
def test_isd_is_its_formula_and_the_published_code(temperatures):
    """With the temperatures of both published settings."""
    student, teacher, queue = (
        unit_rows(6, seed=1).requires_grad_(),
        unit_rows(6, seed=2),
        unit_rows(40),
    )
    of_student, of_teacher = temperatures
    # Tejankar et al., eq. 1 to 3: KL(p of the teacher || p of the student), term by term.
    total = 0
    for s, t in zip(student, teacher, strict=True):
        weights = torch.stack([torch.exp(t @ row / of_teacher) for row in queue])
        target = weights / weights.sum()
        weights = torch.stack([torch.exp(s @ row / of_student) for row in queue])
        total = total + (target * (torch.log(target) - torch.log(weights / weights.sum()))).sum()
    formula = total / 6
    # UMBCvision/ISD, train_isd_plus.py: KLD of similarities.
    sim_q, sim_k = student @ queue.T / of_student, teacher @ queue.T / of_teacher
    published = functional.kl_div(
        functional.log_softmax(sim_q, dim=1),
        functional.softmax(sim_k, dim=1),
        reduction="batchmean",
    )
    ours = isd_loss(student, teacher, queue, of_student, of_teacher)
    single = isd_loss(student.float(), teacher.float(), queue.float(), of_student, of_teacher)
    for reference in (formula, published):
        assert ours.item() == pytest.approx(reference.item(), abs=1e-10)
        assert single.item() == pytest.approx(reference.item(), rel=1e-5)
        torch.testing.assert_close(gradient(ours, student), gradient(reference, student))


def test_isd_is_the_bank_loss_of_soft_targets_less_their_entropy():
    student, teacher, queue = unit_rows(5, seed=1), unit_rows(5, seed=2), unit_rows(30)
    targets = torch.softmax(teacher @ queue.T / 0.05, 1)
    entropy = -(targets * targets.log()).sum(1).mean()
    expected = expected_bank_loss(student, queue, targets @ queue, 0.1) - entropy
    torch.testing.assert_close(isd_loss(student, teacher, queue, 0.1, 0.05), expected)


def test_the_teacher_gets_no_gradient():
    student, teacher = unit_rows(3, seed=1).requires_grad_(), unit_rows(3, seed=2).requires_grad_()
    isd_loss(student, teacher, unit_rows(9), 0.1, 0.1).backward()
    assert teacher.grad is None and student.grad.abs().sum() > 0


def test_an_empty_queue_teaches_nothing():
    rows = unit_rows(3)
    assert moco_loss(rows, rows, rows[:0], 0.1).item() == 0
    assert isd_loss(rows, rows, rows[:0], 0.1, 0.1).item() == 0
    nearest = pair_health(rows, rows, rows[:0]).negative
    assert nearest.tolist() == [-1, -1, -1]  # as far as can be: there is none


def test_the_queue_keeps_the_newest_rows_first_in_first_out():
    queue, seen = Queue(10, 4), []
    assert queue.rows.shape == (0, 4)
    for number in range(5):  # 4 does not divide 10: the queue wraps in the middle of a batch
        rows = torch.full((4, 4), float(number)) + torch.arange(4)[:, None] / 10
        queue.append(rows)
        seen += rows[:, 0].tolist()
        assert sorted(queue.rows[:, 0].tolist()) == pytest.approx(sorted(seen[-10:]))


def test_the_slow_encoder_moves_by_the_momentum():
    slow, fast = nn.Linear(3, 2), nn.Linear(3, 2)
    expected = 0.9 * slow.weight.detach() + 0.1 * fast.weight.detach()
    _move(slow.requires_grad_(False), fast, 0.9)
    torch.testing.assert_close(slow.weight, expected)


def test_the_slow_projection_moves_with_the_slow_encoder():
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16))
    made = MomentumContrast(encoder, moco.Settings(head="mlp", queue=8, momentum=0.9))
    slow = [p.clone() for p in made.slow_projection.parameters()]
    for parameter in made.projection.parameters():
        parameter.data += 1
    made.after_step(encoder)
    for before, after in zip(slow, made.slow_projection.parameters(), strict=True):
        torch.testing.assert_close(after, before + 0.1)


@pytest.mark.parametrize(
    ("method", "settings"),
    [(MomentumContrast, moco.Settings), (SelfDistillation, isd.Settings)],
)
def test_keys_are_queued_only_after_the_step(method, settings):
    """No image is compared with its own key as a negative, and ISD has no positive pair."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()
    objective = method(encoder, settings(head="none", queue=64, momentum=0.9)).eval()
    pixels = torch.randint(0, 256, (6, 2, 3, 32, 32), dtype=torch.uint8)
    objective(encoder, pixels, torch.arange(6), True)
    assert len(objective.queue.rows) == 0
    objective.after_step(encoder)
    expected = normalize(encoder.features(pixels[:, 1]), dim=1)
    torch.testing.assert_close(objective.queue.rows, expected, rtol=1e-4, atol=1e-5)
    outcome = objective(encoder, pixels, torch.arange(6), True)
    health = outcome.health
    assert outcome.loss.isfinite() and health.positive.shape == health.negative.shape == (6,)
    assert not [
        name for name, p in objective.named_parameters() if "slow" in name and p.requires_grad
    ]


def test_each_temperature_is_that_of_the_settings():
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()
    pixels = torch.randint(0, 256, (6, 2, 3, 32, 32), dtype=torch.uint8)
    query, key = (encoder(part) for part in pixels.unbind(1))
    rows = unit_rows(9).float()
    contrast = MomentumContrast(encoder, moco.Settings(queue=9, temperature=0.3)).eval()
    told = {"student_temperature": 0.3, "teacher_temperature": 0.2}
    distilled = SelfDistillation(encoder, isd.Settings(queue=9, **told)).eval()
    student = normalize(distilled.predictor(query), dim=1)
    for objective, expected in (
        (contrast, moco_loss(query, key, rows, 0.3)),
        (distilled, isd_loss(student, key, rows, 0.3, 0.2)),
    ):
        objective.queue.append(rows)
        found = objective(encoder, pixels, torch.arange(6), False).loss
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_the_published_heads():
    """ISD: none for ResNet-18, feat -> 2 feat -> feat / 4 with batch norm for ResNet-50.

    Its predictor is 8 times as wide there.
    """
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16))
    size = encoder.head.in_features
    plain = SelfDistillation(
        copy.deepcopy(encoder),
        isd.Settings(
            head="none", queue=8, momentum=0.999, student_temperature=0.02, teacher_temperature=0.02
        ),
    )
    shapes = [tuple(m.weight.shape) for m in plain.predictor if isinstance(m, nn.Linear)]
    assert shapes == [(size, size), (size, size)]
    assert sum(isinstance(m, nn.BatchNorm1d) for m in plain.predictor) == 1
    wide = SelfDistillation(copy.deepcopy(encoder), isd.Settings(head="mlp_bn", queue=8))
    shapes = [tuple(m.weight.shape) for m in wide.predictor if isinstance(m, nn.Linear)]
    assert shapes == [(1024, 128), (128, 1024)]
    made = MomentumContrast(encoder, moco.Settings(head="mlp", queue=8))
    shapes = [tuple(m.weight.shape) for m in made.projection.layers if isinstance(m, nn.Linear)]
    assert shapes == [(size, size), (128, size)]


def test_a_queue_that_holds_no_batch_is_refused():
    with pytest.raises(UserError, match="queue: 4 is shorter than a batch of 5; raise it"):
        Queue(4, 3).append(torch.ones(5, 3))
