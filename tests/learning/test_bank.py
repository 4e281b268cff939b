"""The bank on disk: parts for several processes, and what is refused; near-duplicates."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from iscqk.errors import UserError
from iscqk.formats import descriptor_shards
from iscqk.learning import attention, bank_loss, distributed
from iscqk.learning.bank import DTYPES, read_bank
from iscqk.learning.frozen_side import FrozenSide
from iscqk.learning.given_of_images import check_teacher, read_near_duplicates, read_teacher
from iscqk.methods import qk
from iscqk.methods.qk.objective import FrozenBank
from iscqk.models.encoder import Encoder, EncoderConfig
from written_shards import write_descriptors

IDS = [f"T{number:06}" for number in range(11)]


@pytest.fixture
def shards(tmp_path):
    """Return a bank of 11 rows in three shards, and the rows."""
    rows = np.random.default_rng(0).normal(size=(11, 4)).astype(np.float32)
    bounds, paths = [0, 4, 5, 11], []
    for number, (low, high) in enumerate(zip(bounds, bounds[1:], strict=False)):
        paths.append(tmp_path / f"{number}.h5")
        write_descriptors(paths[-1], IDS[low:high], rows[low:high], {"weights_sha256": "w"})
    return paths, torch.from_numpy(rows)


@pytest.mark.parametrize("count", [1, 2, 3, 11])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_processes_read_parts_that_make_up_the_bank(shards, count, precision, monkeypatch):
    monkeypatch.setattr(descriptor_shards, "BLOCK_ROWS", 3)
    monkeypatch.setattr(distributed, "world_size", lambda: count)
    paths, rows = shards
    parts = []
    for rank in range(count):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        part, first = read_bank(paths, IDS, "w", precision)
        assert first == sum(len(p) for p in parts) and part.dtype == DTYPES[precision]
        parts.append(part)
    assert torch.equal(torch.cat(parts), rows.to(DTYPES[precision]))


def test_each_shard_is_opened_once(shards, monkeypatch):
    opened, whole = [], h5py.File

    def counting(path, *arguments, **options):
        opened.append(Path(path).name)
        return whole(path, *arguments, **options)

    monkeypatch.setattr(h5py, "File", counting)
    read_bank(shards[0], IDS, "w")
    assert opened == ["0.h5", "1.h5", "2.h5"]


@pytest.mark.parametrize(
    ("ids", "weights", "message"),
    [
        (IDS, "other", "a bank of other weights than --frozen; embed it again"),
        (IDS[::-1], "w", "a bank of other images; embed it again"),
        ([*IDS, "T000011"], "w", "11 bank rows for 12 images; embed it again"),
    ],
)
def test_another_bank_is_refused(shards, ids, weights, message):
    with pytest.raises(UserError, match=message):
        read_bank(shards[0], ids, weights)


def test_a_bank_may_hold_more_rows_than_are_learned_from(shards):
    paths, rows = shards
    for count in (2, 4, 7):
        part, first = read_bank(paths, IDS[:count], "w")
        assert first == 0 and torch.equal(part, rows)


def test_further_negatives_are_no_references(shards):
    paths, _ = shards
    with h5py.File(paths[2], "r+") as file:
        file["ids"][5] = b"R000010"
    with pytest.raises(UserError, match="2.h5: R000010 is no training image"):
        read_bank(paths, IDS[:4], "w")


def test_further_negatives_are_no_image_twice(shards):
    paths, _ = shards
    with pytest.raises(UserError, match="2.h5: T000005 is there for the second time; name each sh"):
        read_bank([*paths, paths[2]], IDS, "w")


def test_shards_are_read_by_their_places_however_they_are_named(tmp_path):
    rows, paths = torch.arange(1, 23.0).reshape(11, 2), [tmp_path / "10.h5", tmp_path / "2.h5"]
    for number, (low, high) in enumerate([(6, 11), (0, 6)]):
        facts = {"weights_sha256": "w", "shards": 2, "shard": 1 - number}
        write_descriptors(paths[number], IDS[low:high], rows[low:high].numpy(), facts)
    assert torch.equal(read_bank(paths, IDS, "w")[0], rows)


def test_near_duplicates_are_read_both_ways(tmp_path):
    path = tmp_path / "near.csv"
    path.write_text("id,near_duplicate\nT000002,T000000\nT000000,T000002\nT000001,T000002\n")
    pairs = read_near_duplicates(path, IDS)
    assert pairs.tolist() == [[0, 2], [1, 2], [2, 0], [2, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,near_duplicate\nT000002,X\n", "row 1: 'X' is no training image; remove the row"),
        ("id,near_duplicate\nT000002,T000002\n", "row 1: pairs an image with itself"),
    ],
)
def test_a_wrong_near_duplicate_is_named(tmp_path, text, message):
    path = tmp_path / "near.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_near_duplicates(path, IDS)


class Fixed(nn.Module):
    """Stand in for an encoder: the pixels are the descriptors."""

    def forward(self, pixels):
        return normalize(pixels, dim=1)


@pytest.mark.parametrize("block", [4, 4096])
@pytest.mark.parametrize("negatives", ["all", 11])
def test_near_duplicates_are_no_negatives(negatives, block, monkeypatch):
    """Cross entropy in float64 over all rows but those; drawing 11 negatives of 11 draws all."""
    for part in (attention, bank_loss):
        monkeypatch.setattr(part, "BLOCK", block)
    torch.manual_seed(0)
    rows, pixels = normalize(torch.randn(12, 6), dim=1), torch.randn(3, 6)
    pairs = torch.tensor([[0, 5], [4, 5], [4, 9], [5, 0], [5, 4], [9, 4]])
    config = qk.Settings(temperature=0.1, negatives=negatives)
    bank = FrozenBank(FrozenSide(rows, views_per_row=2, near_duplicates=pairs), config)
    indices = torch.tensor([8, 1, 22])  # views of the images of rows 4, 0 and 11
    logits = (normalize(pixels, dim=1).double() @ rows.double().T) / 0.1
    logits[0, 5] = logits[0, 9] = logits[1, 5] = -torch.inf
    expected = nn.functional.cross_entropy(logits, torch.tensor([4, 0, 11]))
    outcome = bank(Fixed(), pixels, indices, True)
    assert outcome.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    logits[range(3), [4, 0, 11]] = -torch.inf
    torch.testing.assert_close(outcome.health.negative.double(), logits.amax(1) * 0.1)


def twelve_rows(live):
    """Return a bank as `FrozenBank` takes it, its rows, and the encoder of a live head, if any."""
    if not live:
        rows = normalize(torch.randn(12, 6), dim=1)
        return rows, rows, None
    frozen = Encoder(EncoderConfig("test_resnet", 32, "gem", 6)).eval()
    features = torch.randn(12, frozen.head.in_features)
    return features, frozen.project(features), frozen


def test_of_a_bank_only_what_learns_is_resume_state():
    """Its rows are files of their own, of as many gigabytes in each state."""
    features, rows, head = twelve_rows(live=True)
    side = FrozenSide(features, 0, 1, head, torch.tensor([[0, 5], [5, 0]]), rows)
    bank = FrozenBank(side, qk.Settings())
    assert set(bank.state_dict()) == {"log_temperature", "head.weight", "head.bias"}


@pytest.mark.parametrize("share", [0.5, 1])
@pytest.mark.parametrize("taught", [False, True])
@pytest.mark.parametrize("live", [False, True])
def test_soft_targets_give_near_duplicates_no_share(share, taught, live):
    """Cross entropy in float64: target and softmax are both over the rows that take part.

    A live head's gradient goes through the rows of both terms, and not through the target.
    """
    torch.manual_seed(0)
    features, rows, head = twelve_rows(live)
    other, pixels = normalize(torch.randn(12, 4), dim=1), torch.randn(3, 6)
    pairs, own = torch.tensor([[4, 5], [4, 7], [5, 4], [7, 4]]), torch.tensor([4, 0, 11])
    config = qk.Settings(temperature=0.1, soft_targets=share, teacher_temperature=0.2)
    bank = FrozenBank(FrozenSide(features, 0, 1, head, pairs, other if taught else None), config)
    left_out = torch.zeros(3, 12, dtype=torch.bool)
    left_out[0, [5, 7]] = True
    seen = (other if taught else rows.detach()).double()
    soft = (seen[own] @ seen.T / 0.2).masked_fill(left_out, -torch.inf).softmax(1)
    targets = (1 - share) * nn.functional.one_hot(own, 12) + share * soft
    logits = (normalize(pixels, dim=1).double() @ rows.double().T) / 0.1
    logs = logits.masked_fill(left_out, -torch.inf).log_softmax(1).masked_fill(left_out, 0)
    outcome, expected = bank(Fixed(), pixels, own, True), -(targets * logs).sum(1).mean()
    others = logits.masked_fill(left_out | nn.functional.one_hot(own, 12).bool(), -torch.inf)
    torch.testing.assert_close(outcome.health.negative.double(), others.detach().amax(1) * 0.1)
    loss = outcome.loss
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    if live:
        ours, theirs = (torch.autograd.grad(one, head.head.weight) for one in (loss, expected))
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("negatives", ["all", 11])
@pytest.mark.parametrize("live", [False, True])
def test_an_outside_teacher_says_what_the_images_have_in_common(negatives, live):
    """Cross entropy in float64 of its softmax, over rows of its own dimensions."""
    torch.manual_seed(0)
    features, rows, head = twelve_rows(live)
    seen, pixels = normalize(torch.randn(12, 4), dim=1), torch.randn(3, 6)
    told = {"soft_targets": 0.25, "teacher_temperature": 0.2, "negatives": negatives}
    config = qk.Settings(temperature=0.1, **told)
    bank = FrozenBank(FrozenSide(features, 0, 2, head, teacher=seen), config)
    indices, own = torch.tensor([8, 1, 22]), torch.tensor([4, 0, 11])
    soft = (seen[own].double() @ seen.double().T / 0.2).softmax(1)
    targets = 0.75 * nn.functional.one_hot(own, 12) + 0.25 * soft
    logits = (normalize(pixels, dim=1).double() @ rows.double().T) / 0.1
    expected = -(targets * logits.log_softmax(1)).sum(1).mean()
    loss = bank(Fixed(), pixels, indices, False).loss
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_teacher_is_read_by_parts_and_of_the_same_images_only(shards, tmp_path):
    vectors = np.arange(1, 45, dtype=np.float32).reshape(11, 4)
    write_descriptors(tmp_path / "t.h5", IDS, vectors, {})
    part = read_teacher([tmp_path / "t.h5"], IDS, 3, 7)
    torch.testing.assert_close(part, normalize(torch.from_numpy(vectors[3:7]), dim=1))
    check_teacher(tmp_path / "t.h5", IDS)
    other = "t.h5: of other images than are learned from; make it of"
    for read in (check_teacher, lambda path, ids: read_teacher([path], ids, 3, 7)):
        with pytest.raises(UserError, match=other):
            read(tmp_path / "t.h5", IDS[::-1])


@pytest.mark.parametrize(("first", "last"), [(0, 11), (3, 7), (4, 5), (5, 11), (11, 11)])
def test_a_teacher_is_read_from_shards_in_their_order(shards, tmp_path, first, last):
    paths, rows = shards
    expected = normalize(rows[first:last], dim=1)
    torch.testing.assert_close(read_teacher(paths, IDS, first, last), expected)
    with pytest.raises(UserError, match="2.h5: of other images than are learned from; make it of"):
        read_teacher(paths[::-1], IDS, first, last)
    write_descriptors(tmp_path / "2.h5", IDS[5:], np.ones((6, 3), np.float32), {})
    with pytest.raises(UserError, match="shards of one dimension are needed"):
        read_teacher(paths, IDS, first, last)


@pytest.mark.parametrize("scale", [1e-20, 1e-13, 1e20])
def test_a_teachers_rows_may_be_of_any_length(shards, tmp_path, scale):
    _, rows = shards
    write_descriptors(tmp_path / "t.h5", IDS, rows.numpy() * np.float32(scale), {})
    found = read_teacher([tmp_path / "t.h5"], IDS, 0, 11)
    torch.testing.assert_close(found, normalize(rows, dim=1))


@pytest.mark.parametrize(("value", "told"), [(0, "is all zeros, which"), (np.nan, "holds NaN or")])
def test_a_teachers_row_that_says_nothing_is_told_beforehand(tmp_path, value, told):
    write_descriptors(tmp_path / "t.h5", IDS, np.ones((11, 4), np.float32), {})
    with h5py.File(tmp_path / "t.h5", "r+") as file:
        file["vectors"][9] = value
    for read in (check_teacher, lambda path, ids: read_teacher([path], ids, 7, 11)):
        with pytest.raises(UserError, match=f"t.h5: {IDS[9]} {told}"):
            read(tmp_path / "t.h5", IDS)


@pytest.mark.parametrize("negatives", [9, 48])
def test_drawn_negatives_include_every_positive_and_as_many_as_asked_for(negatives):
    torch.manual_seed(1)
    rows, pixels = normalize(torch.randn(50, 6), dim=1), torch.randn(4, 6)
    bank = FrozenBank(FrozenSide(rows), qk.Settings(temperature=0.1, negatives=negatives))
    targets = torch.tensor([3, 49, 3, 20])
    taken = bank._drawn(targets)
    assert len(taken.unique()) == len(taken) == negatives + 1
    assert {3, 20, 49} <= set(taken.tolist())
    assert taken[bank._places(targets, taken)].tolist() == targets.tolist()
    assert torch.isfinite(bank(Fixed(), pixels, targets, True).loss)
