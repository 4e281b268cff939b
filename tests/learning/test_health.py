"""Numbers that are not finite stop a training and spoil nothing; collapse is told."""

from dataclasses import replace

import numpy as np
import pytest
import small_training
import torch
from PIL import Image
from safetensors.torch import save_file

from iscqk.errors import UserError
from iscqk.learning.checkpoint import Checkpoint, fingerprint
from iscqk.learning.data_loading import Batches, OriginalImages
from iscqk.learning.frozen_side import FrozenSide
from iscqk.learning.training import Training
from iscqk.methods import qk
from iscqk.methods.qk.objective import FrozenBank
from iscqk.models.collapse import COLLAPSED, effective_rank
from iscqk.models.device import autocast
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import load_backbone, load_encoder, save_encoder

IDS = [f"T{number:06}" for number in range(8)]
CONFIG = replace(small_training.CONFIG, images=24, batch_size=4)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    paths = [str(folder / f"{name}.png") for name in IDS]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    return OriginalImages(paths, 32, IDS)


def small_encoder():
    torch.manual_seed(0)
    return Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()


def small_training(config=CONFIG):
    rows = torch.nn.functional.normalize(torch.randn(8, 16), dim=1)
    bank = FrozenBank(FrozenSide(rows), qk.Settings(temperature=0.1))
    return Training(small_encoder(), bank, config)


def nan_in_the_bank(training):
    training.objective.rows.fill_(torch.nan)


def infinite_loss(training):
    training.objective.log_temperature.data.fill_(-200.0)


def infinite_gradient(training):
    training.encoder.head.weight.register_hook(lambda gradient: gradient * torch.inf)


def step_too_far(training):
    first = next(training.encoder.parameters())
    training.optimizer.register_step_post_hook(lambda *_: first.data.fill_(torch.inf))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (nan_in_the_bank, "the loss is nan and its gradient's norm nan"),
        (infinite_loss, "the loss is (inf|nan) and its gradient's norm"),
        (infinite_gradient, r"the loss is \d.* and its gradient's norm (inf|nan)"),
        (step_too_far, "the step made .* NaN or infinite"),
    ],
)
def test_what_is_not_finite_stops_the_run_and_the_state_before_is_kept(
    images, tmp_path, monkeypatch, fault, message
):
    """At the fourth step; the second's state is kept, and coming again says the same."""
    whole = Training._step

    def faulty(self, step, *arguments):
        if step == 3:
            fault(self)
        return whole(self, step, *arguments)

    monkeypatch.setattr(Training, "_step", faulty)
    checkpoint = Checkpoint(tmp_path / "c.pt", fingerprint(run=1))
    told = []
    for _ in range(2):
        with pytest.raises(UserError, match=message) as error:
            small_training().run(images, 0, checkpoint)
        told.append(str(error.value))
        state = checkpoint.load()
        assert state["step"] == 2
        assert all(tensor.isfinite().all() for tensor in state["encoder"].values())
    assert told[0] == told[1] and "\n" not in told[0]
    assert told[0].startswith("step 4: ") and f"{checkpoint.place} keeps step 2" in told[0]
    assert "lower train.METHOD.learning_rate or set train.precision to fp32" in told[0]
    batch = [place % 8 for place in list(Batches(8, 4, 6, 3, 0))[3]]
    assert told[0].endswith("the images of the batch: " + " ".join(IDS[i] for i in batch))


def test_what_the_last_step_spoils_is_no_result(images, tmp_path):
    training = small_training(replace(CONFIG, images=4))  # one step
    step_too_far(training)
    with pytest.raises(UserError, match="step 1: the step made .* NaN or infinite"):
        training.run(images, 0, Checkpoint(tmp_path / "c.pt", fingerprint(run=1)))


def test_collapse_is_logged_once_and_is_in_the_history(images, tmp_path, caplog):
    training = small_training()
    with torch.no_grad():
        training.encoder.head.bias.fill_(1e4)
    training.run(images, 0, Checkpoint(tmp_path / "c.pt", fingerprint(run=1)))
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert "step 2: collapse, the batch's images are all described alike" in caplog.text
    assert all(row["effective_rank"] < COLLAPSED for row in training.history)


@pytest.mark.parametrize(
    ("rows", "rank"),
    [
        (np.eye(5), 5),
        (np.ones((6, 4)), 1),
        (np.outer([1, -1, 2, -3], np.ones(4)), 1),
        (np.repeat(np.eye(3), 7, axis=0), 3),
        (np.vstack([np.eye(2), np.zeros((9, 2))]), 2),
        (1e30 * np.eye(3), 3),
        (np.zeros((4, 4)), np.nan),
        (np.ones((1, 4)), np.nan),
    ],
)
def test_effective_rank(rows, rank):
    assert effective_rank(rows.astype(np.float32)) == pytest.approx(rank, nan_ok=True)


def test_a_mean_cosine_of_99_percent_is_the_limit():
    rng = np.random.default_rng(0)
    for cosine, collapsed in ((0.985, False), (0.995, True)):
        noise = rng.normal(size=(500, 256)) / 16
        rows = np.sqrt(1 - cosine) * noise
        rows[:, 0] += np.sqrt(cosine)
        assert (effective_rank(rows.astype(np.float32)) < COLLAPSED) is collapsed


def test_weights_that_are_not_finite_are_neither_written_nor_read(tmp_path):
    encoder, spoilt = small_encoder(), tmp_path / "spoilt.safetensors"
    save_encoder(spoilt, encoder, {})
    content = spoilt.read_bytes()
    encoder.head.bias.data[3] = torch.inf
    message = "spoilt.safetensors: weights head.bias hold NaN or infinity; train them again"
    with pytest.raises(UserError, match=message):
        save_encoder(spoilt, encoder, {})
    assert spoilt.read_bytes() == content
    spoilt.write_bytes(content[:-4] + np.float32(np.nan).tobytes())
    with pytest.raises(UserError, match="spoilt.safetensors: weights .* hold NaN"):
        load_encoder(spoilt)
    backbone = {name: t.contiguous() for name, t in encoder.backbone.state_dict().items()}
    first = next(iter(backbone))
    save_file({**backbone, first: backbone[first] * torch.nan}, spoilt)
    with pytest.raises(UserError, match=f"spoilt.safetensors: weights {first} hold NaN"):
        load_backbone(small_encoder(), spoilt)


@pytest.mark.parametrize("precision", ["auto", "bf16", "fp32"])
def test_no_precision_is_float16(precision):
    """Float16 overflows at 65504; bfloat16 has the range of float32."""
    with autocast(precision, torch.device("cpu")):
        product = torch.full((2, 2), 1e5) @ torch.full((2, 2), 1e5)
    assert product.dtype in (torch.bfloat16, torch.float32) and product.isfinite().all()


def test_a_zero_descriptor_is_zero_and_no_nan():
    encoder = small_encoder()
    encoder.head.weight.data.zero_()
    encoder.head.bias.data.zero_()
    assert torch.equal(encoder.project(torch.rand(3, 96)), torch.zeros(3, 16))
