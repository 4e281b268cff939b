"""What a training keeps while it runs can lie in a storage, from where another machine goes on."""

import logging

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from iscqk.errors import UserError
from iscqk.learning.checkpoint import Checkpoint, fingerprint
from iscqk.learning.tensorboard import Scalars, TensorBoard
from iscqk.runtime.storage import StoredFile
from s3_server import BUCKET, stored, unless

ADDRESS = f"s3://{BUCKET}/run/state.pt"
RUN = fingerprint(seed=1)
STATE = {"step": 5, "weight": torch.arange(300.0)}
ROWS = [{"step": 2, "loss": 1.5}, {"step": 4, "loss": 1.25}]


@unless()
def test_a_state_is_taken_up_elsewhere_and_then_forgotten(endpoint):
    first, second = (Checkpoint(ADDRESS, RUN, "s3") for _ in range(2))
    assert first.load() is None
    first.save({**STATE, "step": 4})
    first.save(STATE)
    found = second.load()
    assert found["step"] == 5 and torch.equal(found["weight"], STATE["weight"])
    assert set(stored(endpoint)) == {"state.pt"}
    Checkpoint(f"s3://{BUCKET}/run/other.pt", RUN, "s3").save(STATE)
    second.remove()
    second.remove()
    assert set(stored(endpoint)) == {"other.pt"} and first.load() is None


@unless()
def test_scalars_are_there_while_a_training_goes_on(endpoint, tmp_path):
    training = TensorBoard(Scalars(f"s3://{BUCKET}/run/scalars", "s3"), ROWS[:1])
    training.send()
    while_it_runs = stored(endpoint)
    training.add(ROWS[1])
    training.close()
    name = "scalars/events.out.tfevents.training"
    for content, rows in ((while_it_runs, ROWS[:1]), (stored(endpoint), ROWS)):
        assert set(content) == {name}
        (tmp_path / "events.out.tfevents.1").write_bytes(content[name])
        events = EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
        assert [(event.step, event.value) for event in events] == [
            (row["step"], row["loss"]) for row in rows
        ]


@unless()
def test_a_storage_that_is_away_ends_no_training_that_runs(endpoint, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_RETRIES", "1")
    away = Checkpoint(ADDRESS, RUN, "s3")
    with caplog.at_level(logging.WARNING, "iscqk"):
        away.save(STATE)
        away.remove()
    assert [message.startswith(ADDRESS) for message in caplog.messages] == [True, True]
    with pytest.raises(UserError, match=f"^{ADDRESS}: cannot be read .*storage is reached$"):
        away.load()


@pytest.mark.parametrize(
    ("plugin", "address", "told"),
    [("none-such", ADDRESS, "none-such: cannot be used.*install"), ("s3", "a/b", "a/b: no addr")],
)
@unless()
def test_no_storage_is_told(plugin, address, told):
    with pytest.raises(UserError, match=told):
        StoredFile(plugin, address)
