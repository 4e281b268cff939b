"""How long the processes of one batch wait for each other."""

from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from iscqk.learning.distributed import process_group


@pytest.mark.parametrize(
    ("of_all", "patience"), [("2", timedelta(days=1)), ("4", None)], ids=["one machine", "several"]
)
def test_processes_of_one_machine_may_be_stopped_for_hours(monkeypatch, of_all, patience):
    asked = []
    monkeypatch.setattr(dist, "init_process_group", lambda *a, timeout=None: asked.append(timeout))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", of_all)
    with process_group(torch.device("cpu")):
        assert asked == [patience]
