"""Which device and how many threads a process has."""

import multiprocessing
from contextlib import nullcontext

import pandas as pd
import pytest
import torch

from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.manifest import COLUMNS, write_manifest
from iscqk.learning.training import Training
from iscqk.matching.model import Model
from iscqk.models.device import choose_device, set_threads, torch_threads
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder
from iscqk.stages import train
from iscqk.stages.shared.processes import run_distributed
from iscqk.stages.trainings import fresh


def test_in_a_forked_process_a_model_for_one_thread_is_loaded_without_a_word(monkeypatch, caplog):
    monkeypatch.setattr("iscqk.models.device._with_threads", -1)  # of another, which had several
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    Model.load(threads=1)
    torch.set_num_threads(before)
    assert not caplog.records


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


@pytest.mark.parametrize(
    ("device", "threads", "makers"),
    [("cpu", 1, 0), ("cpu", 2, 1), ("cpu", 8, 4), ("meta", 1, 0), ("meta", 16, 15)],
)
def test_torch_and_what_makes_copies_share_the_threads(
    tmp_path, monkeypatch, device, threads, makers
):
    """Of this process, whatever all have; torch's meta device stands in for a GPU, which waits."""
    start, manifest, seen = tmp_path / "q.safetensors", tmp_path / "training.csv", []
    save_encoder(start, Encoder(EncoderConfig("test_resnet", 32, "gem", 16)), {})
    rows = [(f"T{n:06}", f"{n}.jpg", f"{n}", 8, 8) for n in range(3)]
    write_manifest(manifest, pd.DataFrame(rows, columns=COLUMNS))

    def describe(encoder, images, workers):
        seen.append(("describe", workers, torch.get_num_threads()))
        return [(None, torch.zeros(3, 16))]

    def learn(training, images, workers, *_):
        assert len(training.objective.rows) == 3
        seen.append(("learn", workers, torch.get_num_threads()))

    share = nullcontext((torch.device(device), threads))
    monkeypatch.setattr(train, "run_distributed", lambda *_: share)
    monkeypatch.setattr(fresh, "embed", describe)
    monkeypatch.setattr(Training, "run", learn)
    monkeypatch.setattr(fresh.OnFreshCopies, "write", lambda *_: None)
    command = [
        *("train", "--method=solo", "--config={}", "--seed=0", "--images=64", "--threads=64"),
        *("--fresh-copies={}", '--edits={"names":["blur"],"strength":[0,1],"length":[1,1]}'),
        *(f"--start={start}", f"--training={manifest}", f"--resume={tmp_path / 'state.pt'}"),
        *(f"--{name}={tmp_path / name}" for name in ("q-output", "k-output", "history")),
    ]
    before = torch.get_num_threads()
    try:
        assert main(command) == 0
    finally:
        torch.set_num_threads(before)
    own = threads - makers
    assert seen == [("describe", makers, own), ("learn", makers, own)]
