"""Every way to the softmax over a bank against the formula in float64."""

import weakref

import pytest
import torch
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from iscqk.learning import attention as module
from iscqk.learning import gpu_attention
from iscqk.learning.attention import blockwise
from iscqk.learning.attention_dispatch import attention
from iscqk.learning.cpu_attention import fused, rounded
from unit_rows import unit_rows


def exact(queries, bank, temperature, excluded=None):
    """log Z and the mean row from the whole matrix, in float64."""
    logits = queries.double() @ bank.double().T / temperature
    if excluded is not None:
        logits[excluded[:, 0], excluded[:, 1]] = -torch.inf
    return logits.logsumexp(1), logits.softmax(1) @ bank.double()


def crowd(count: int, size: int, seed: int) -> torch.Tensor:
    """Rows in clusters of 50, as near-duplicates are: many of a query's logits are large."""
    centres = unit_rows(-(-count // 50), size, seed).repeat_interleave(50, 0)[:count]
    return normalize(centres + 0.4 * unit_rows(count, size, seed + 1), dim=1)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000, 9001])
@pytest.mark.parametrize("way", [blockwise, fused])
def test_float32_is_exact_to_rounding(way, count):
    queries, bank = unit_rows(5, 24, 0), unit_rows(count, 24, 1)
    log_z, mean = way(queries / 0.05, bank)
    expected = exact(queries, bank, 0.05)
    torch.testing.assert_close(log_z.double(), expected[0], rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(mean.double(), expected[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_over_no_row_there_is_nothing_and_parts_that_have_none_change_no_sum(dtype):
    """As where a process has none of the rows that take part, or all that it has are left out."""
    queries, bank = unit_rows(5, 24, 0), unit_rows(9, 24, 1).to(dtype)
    left_out = torch.tensor([[query, row] for row in range(4) for query in (1, 3)])
    parts = [
        attention(queries, bank[:0], 0.05),
        attention(queries, bank[:4], 0.05, left_out),
        attention(queries, bank[4:], 0.05),
    ]
    for log_z, mean in (parts[0], [value[[1, 3]] for value in parts[1]]):
        assert (log_z == -torch.inf).all() and (mean == 0).all()
    log_z = torch.stack([part[0] for part in parts]).logsumexp(0)
    mean = sum((z - log_z).exp()[:, None] * rows for z, rows in parts)
    expected = exact(queries, bank, 0.05, left_out)
    torch.testing.assert_close(log_z.double(), expected[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(mean.double(), expected[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [0, 3, 9, 100])
def test_of_no_query_there_is_no_result(dtype, count):
    """torch's flash attention divides by the number of queries, which ended the process."""
    log_z, mean = attention(torch.empty(0, 24), unit_rows(count, 24, 1).to(dtype), 0.05)
    assert log_z.shape == (0,) and mean.shape == (0, 24)


def on_gpu(scaled, bank, _):
    """What a GPU takes, on a CPU."""
    return gpu_attention.rounded(scaled, bank)


@pytest.mark.parametrize("way", [rounded, on_gpu])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.2])
@pytest.mark.parametrize("make", [unit_rows, crowd])
@pytest.mark.parametrize("count", [5, 4096, 20_000])
def test_a_bfloat16_bank_costs_little_accuracy(way, make, count, temperature, bounded):
    """Loss within 0.1 % and gradient within 1 % of float64, the positive in the bank."""
    bank = make(count, 64, 2).bfloat16()
    targets = torch.arange(4) * (count // 5)
    positives = bank[targets].double()
    queries = normalize(positives.float() + 0.5 * unit_rows(4, 64, 4), dim=1)
    toward = (queries.double() * positives).sum(1) / temperature
    at_least = toward.float() if bounded else None
    log_z, mean = way(queries / temperature, bank, at_least)
    true_log_z, true_mean = exact(queries, bank, temperature)
    loss, true_loss = (log_z - toward).mean(), (true_log_z - toward).mean()
    # A loss of nearly nothing is a difference of like numbers, in any float32.
    assert loss.item() == pytest.approx(true_loss.item(), rel=1e-3, abs=5e-6)
    gradient, true_gradient = mean - positives, true_mean - positives
    assert (gradient - true_gradient).norm() <= 0.01 * true_gradient.norm() + 1e-6


@pytest.mark.parametrize("block", [3, 64, 4096])
def test_excluded_pairs_take_no_part(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    queries, bank = unit_rows(4, 16, 5), unit_rows(130, 16, 6)
    pairs = {(0, 0), (0, 1), (0, 2), (3, 2), (1, 63), (1, 64), (2, 129)}  # a whole block of 3 too
    excluded = torch.tensor(sorted(pairs, key=lambda pair: pair[1]))
    log_z, mean = attention(queries, bank, 0.1, excluded)
    expected = exact(queries, bank, 0.1, excluded)
    torch.testing.assert_close(log_z.double(), expected[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(mean.double(), expected[1], rtol=1e-5, atol=1e-6)


def test_what_the_fast_ways_cannot_do_is_done_all_the_same():
    """Rows apart in memory, and logits whose exponentials would overflow."""
    queries, bank = unit_rows(3, 16, 7), unit_rows(50, 32, 8)
    for rows, temperature in ((bank[:, ::2], 0.05), (bank[:, :16].bfloat16(), 1e-3)):
        log_z, mean = attention(queries, rows, temperature)
        expected = exact(queries, rows, temperature)
        torch.testing.assert_close(log_z.double(), expected[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(mean.double(), expected[1], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_query_that_is_no_number_is_not_hidden(dtype):
    queries, bank = unit_rows(2, 16, 9), unit_rows(100, 16, 10).to(dtype)
    queries[1, 3] = torch.nan
    log_z, _ = attention(queries, bank, 0.05)
    assert log_z.isfinite().tolist() == [True, False]


class Memory(TorchDispatchMode):
    """Measures the most bytes of tensors that were alive at once, of those made while it lasts."""

    def __init__(self, *given):
        super().__init__()
        self.given = {one.untyped_storage().data_ptr() for one in given}
        self.made, self.most = [], 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        self.made += map(weakref.ref, [out] if isinstance(out, torch.Tensor) else out)
        alive = [one for made in self.made if (one := made()) is not None]
        storages = {one.untyped_storage().data_ptr(): one.untyped_storage() for one in alive}
        sizes = [one.nbytes() for at, one in storages.items() if at not in self.given]
        self.most = max(self.most, sum(sizes))
        return out


def test_a_gpu_needs_little_memory_over_the_bank(monkeypatch):
    """Of 1,024 queries of 256 dimensions 64 MiB at most, however large the bank."""
    monkeypatch.setattr(
        gpu_attention, "product", lambda left, right: torch.zeros(len(left), right.shape[1])
    )  # which a GPU makes of bfloat16 without more memory
    scaled, bank = torch.ones(1024, 256), torch.ones(20_000, 256).bfloat16()
    with Memory(scaled, bank) as memory:
        gpu_attention.rounded(scaled, bank)
    assert 40 * 2**20 < memory.most < 60 * 2**20  # the loss itself takes 4 more
    assert gpu_attention.rows_at_once(10**9) > 0


def test_queries_on_a_gpu_may_have_any_length():
    """Also one at which exponentials of logits would overflow."""
    queries, bank = unit_rows(3, 16, 7), unit_rows(5000, 16, 8).bfloat16()
    log_z, mean = gpu_attention.rounded(queries / 1e-3, bank)
    expected = exact(queries, bank, 1e-3)
    torch.testing.assert_close(log_z.double(), expected[0], rtol=1e-3, atol=0)
    assert mean.isfinite().all() and (mean.norm(dim=1) <= 1.01).all()


def test_a_bank_on_a_cpu_does_not_go_the_way_of_a_gpu():
    assert gpu_attention.faster(unit_rows(2, 8, 0), unit_rows(9, 8, 1).bfloat16()) is None
