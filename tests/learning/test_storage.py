"""What a training keeps while it runs can lie in a storage, from where another machine goes on."""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from iscqk.cli import main
from iscqk.errors import UserError
from iscqk.formats.manifest import write_manifest
from iscqk.images.demo_scenes import draw_split
from iscqk.images.finding import find_images
from iscqk.images.ingestion import SPLIT_IDS, manifest_of
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
    assert first.save(STATE)
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
        assert not away.save(STATE)
        away.remove()
    assert [message.startswith(ADDRESS) for message in caplog.messages] == [True, True]
    with pytest.raises(UserError, match=f"^{ADDRESS}: cannot be read .*storage is reached$"):
        away.load()


@pytest.mark.parametrize("place", ["folder", "a file/folder"])
def test_scalars_that_cannot_be_written_are_told_once_and_end_no_training(tmp_path, caplog, place):
    """As on a full disk, by a limit on the size of files; and where no folder can be made."""
    (tmp_path / "a file").touch()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
        training = TensorBoard(Scalars(str(tmp_path / place)), ROWS * 5)
        training.add(ROWS[0])
        training.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (told,) = caplog.messages
    assert told.startswith(f"{tmp_path}/{place}: no scalars for TensorBoard are written from here")


@pytest.mark.parametrize(
    ("plugin", "address", "told"),
    [("none-such", ADDRESS, "none-such: cannot be used.*install"), ("s3", "a/b", "a/b: no addr")],
)
@unless()
def test_no_storage_is_told(plugin, address, told):
    with pytest.raises(UserError, match=told):
        StoredFile(plugin, address)


@pytest.fixture
def training(tmp_path):
    """Return the command of a training of 80 steps that keeps a state every 5."""
    draw_split(tmp_path / "images", "training", 32, 0, 40, 1)
    manifest = tmp_path / "training.csv"
    rows = manifest_of(find_images([tmp_path / "images"]), SPLIT_IDS["training"], 1)
    write_manifest(manifest, rows)
    start, copies = tmp_path / "start.safetensors", tmp_path / "copies.tar"
    network = {"weights": "none", "backbone": "test_resnet", "descriptor_size": 16}
    model = json.dumps({**network, "image_size": 32, "head_images": 32})
    edits = '{"names": ["blur"], "strength": [0, 0.5], "length": [1, 1]}'
    images = ["--training", str(manifest), "--seed", "0"]
    outputs = [str(start), str(tmp_path / "other.safetensors")]
    assert main(["initial", *images, "--config", model, "--output", *outputs]) == 0
    made = ["--round", "0", "--config", "{}", "--edits", edits, "--output", str(copies)]
    assert main(["copies", *images, *made]) == 0
    return [
        *(sys.executable, "-m", "iscqk.cli", "train", "--method", "simclr", "--images", "2560"),
        *(*images, "--start", str(start), "--copies", str(copies), "--model", model),
        *("--config", '{"simclr": {"batch_size": 16}}', "--checkpoint-every", "5"),
        *("--q-output", "q", "--k-output", "k", "--history", "history.csv"),
    ]


@pytest.mark.long
@unless()
def test_a_killed_training_goes_on_in_another_folder(endpoint, training, tmp_path):
    folders = [tmp_path / name for name in ("killed", "other", "whole")]
    for folder in folders:
        folder.mkdir()
    stored_state = ["--resume", ADDRESS, "--storage", "s3"]
    StoredFile("s3", f"s3://{BUCKET}/run/input").send(tmp_path / "training.csv")
    killed = subprocess.Popen([*training, *stored_state], cwd=folders[0])
    while "state.pt" not in stored(endpoint) and killed.poll() is None:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL and not list(folders[0].iterdir())

    kept_here = ["--resume", "state.pt"]
    told = [
        subprocess.run([*training, *kept], cwd=folder, capture_output=True, text=True, check=True)
        for folder, kept in zip(folders[1:], (stored_state, kept_here), strict=True)
    ]
    assert ["resuming at step" in done.stderr for done in told] == [True, False]
    other, whole = ([(folder / side).read_bytes() for side in "qk"] for folder in folders[1:])
    assert other == whole
    assert set(stored(endpoint)) == {"input"}  # of a training that has ended there is no state
