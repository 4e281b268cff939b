"""Which device and how many threads a process has."""

import multiprocessing

import pytest
import torch

from iscqk.errors import UserError
from iscqk.learning.distributed import run_distributed
from iscqk.models.device import choose_device, set_threads, torch_threads


def test_more_processes_than_gpus_are_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(UserError, match="train.processes: 2 on this machine, and it has 1 GPUs"):
        choose_device()


@pytest.mark.parametrize(("threads", "share"), [(8, 1), (32, 2)])
def test_a_process_has_its_share_of_this_machines_threads(monkeypatch, threads, share):
    """However many machines there are; and one where there are more processes than threads."""
    before = torch.get_num_threads()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "16")
    try:
        with run_distributed(1, threads) as (_, own):
            assert own == share == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def _threads_after(_):
    with torch_threads(2):
        pass
    return torch.get_num_threads()


def test_a_forked_process_does_not_get_back_threads_that_it_may_not_have():
    before = torch.get_num_threads()
    try:
        set_threads(2)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.map(_threads_after, [0]) == [1]
        assert _threads_after(0) == 2
    finally:
        torch.set_num_threads(before)
