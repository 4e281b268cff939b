"""Training by every method: schedules, order of images, resuming, live heads, that they learn."""

import copy
import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from small_training import CONFIG, FlippedPairs
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional
from torch.utils.data import Dataset

from iscqk.errors import UserError
from iscqk.images.copier import Copier
from iscqk.images.edit_chains import EditPool
from iscqk.learning.checkpoint import Checkpoint, fingerprint
from iscqk.learning.data_loading import Batches, FreshCopies, Indexed, OriginalImages
from iscqk.learning.embedding import embed
from iscqk.learning.frozen_side import FrozenSide
from iscqk.learning.initialization import calibrate_batch_norm, principal_head
from iscqk.learning.optimizer import learning_rate_factor, make_optimizer
from iscqk.learning.tensorboard import Scalars
from iscqk.learning.throughput import Throughput
from iscqk.learning.training import Training
from iscqk.learning.validation import Validation
from iscqk.methods import METHODS, isd, moco, qk, simclr, solo
from iscqk.methods.isd.objective import SelfDistillation
from iscqk.methods.moco.objective import MomentumContrast
from iscqk.methods.qk.objective import FrozenBank
from iscqk.methods.simclr.objective import InBatch
from iscqk.methods.solo.objective import OwnBank
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.modes import batch_norms
from iscqk.runtime import keeping

QK = qk.Settings(temperature=0.1)
MOCO = moco.Settings(head="mlp", queue=20, momentum=0.9, temperature=0.2)
ISD = isd.Settings(head="mlp_bn", queue=20, momentum=0.9, teacher_temperature=0.02)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    paths = []
    for number in range(24):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        paths.append(str(folder / f"{number}.png"))
        coarse.resize((48, 40), Image.Resampling.BICUBIC).save(paths[-1])
    return OriginalImages(paths, 32, [f"T{number:06}" for number in range(24)])


@pytest.fixture
def encoder(images):
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16))
    calibrate_batch_norm(encoder, images)
    features = torch.cat([features for features, _ in embed(encoder, images, 0)])
    principal_head(encoder, features.clone(), 0.5)
    return encoder


def bank_of(encoder, images):
    return torch.cat([vectors for _, vectors in embed(encoder, images, 0)]).clone()


def train(encoder, bank, images, path, config=CONFIG):
    training = Training(encoder, bank, config)
    training.run(images, 0, Checkpoint(path, fingerprint(run=1)))
    return training


def test_learning_rate_warms_up_and_falls_to_zero():
    factors = [learning_rate_factor(step, 100, 0.1, "cosine") for step in range(100)]
    assert factors[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert factors[10] == 1.0 and factors[55] == pytest.approx(0.5) and factors[-1] < 1e-3
    assert all(a >= b for a, b in zip(factors[10:], factors[11:], strict=False))
    assert learning_rate_factor(99, 100, 0.1, "constant") == 1.0


def test_sgd_is_plain_with_momentum_as_published_methods_take_it(encoder):
    """v <- 0.9 v + g, w <- w - rate v: Nesterov's looks a step ahead."""
    objective = FrozenBank(FrozenSide(torch.eye(16)), qk.Settings())
    optimizer = make_optimizer(encoder, objective, "sgd", (0.1, 0.1), 0)
    before = encoder.head.bias.detach().clone()
    for _ in range(2):
        encoder.head.bias.grad = torch.ones(16)
        optimizer.step()
    torch.testing.assert_close(encoder.head.bias, before - 0.1 * (1 + 1.9))


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_all_weights_decay_and_a_learned_temperature_does_not(encoder, name):
    objective = FrozenBank(FrozenSide(torch.eye(16)), replace(QK, learn_temperature=True))
    groups = make_optimizer(encoder, objective, name, (1e-3, 1e-3), 0.1).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.1, 0]


def test_without_a_warm_up_the_rate_is_whole_at_once():
    assert [learning_rate_factor(step, 100, 0, "cosine") for step in (0, 1)] == [1, 1]


def test_every_epoch_sees_every_image_once_and_resuming_changes_nothing():
    whole = list(Batches(10, 4, 10, 7, 0))
    places = [place for batch in whole for place in batch]
    assert [place // 10 for place in places] == [number // 10 for number in range(40)]
    order = [place % 10 for place in places]
    for epoch in range(4):
        assert sorted(order[epoch * 10 : epoch * 10 + 10]) == list(range(10))
    assert order[:10] != order[10:20]
    assert list(Batches(10, 4, 10, 7, 6)) == whole[6:]


def test_training_lowers_the_loss(encoder, images, tmp_path):
    bank = bank_of(encoder, images)
    config = replace(CONFIG, images=400)
    history = train(
        encoder,
        FrozenBank(FrozenSide(bank.flip(1)), QK),
        images,
        tmp_path / "c.pt",
        config,
    )
    losses = [row["loss"] for row in history.history]
    assert losses[-1] < 0.7 * losses[0]
    assert history.history[-1]["accuracy"] > history.history[0]["accuracy"]


def test_simclr_lowers_the_loss_of_pairs(encoder, images, tmp_path):
    config = replace(CONFIG, images=400, batch_norm="batch", views=simclr.METHOD.views)
    history = train(
        encoder,
        InBatch(encoder, simclr.Settings(head="descriptor", temperature=0.1)),
        FlippedPairs(images),
        tmp_path / "c.pt",
        config,
    ).history
    margins = [r["positive_similarity"] - r["nearest_negative_similarity"] for r in history]
    assert history[-1]["loss"] < 0.7 * history[0]["loss"] and margins[-1] > margins[0]


def objective_of(method, encoder, images):
    """Return the objective of a method, and what it learns from."""
    torch.manual_seed(5)
    if method == "qk":
        rows = bank_of(encoder, images)
        config = qk.Settings(
            temperature=0.1, learn_temperature=True, negatives=12, soft_targets=0.3
        )
        return FrozenBank(FrozenSide(rows), config), images
    if method == "solo":
        settings = solo.Settings(temperature=0.1, koleo=0.5, batch_size=8, renew_every=24)
        return OwnBank(encoder, settings, lambda k: bank_of(k, images)), fresh_copies(images)
    made = {
        "simclr": lambda: InBatch(encoder, simclr.Settings(head="mlp", temperature=0.1)),
        "moco": lambda: MomentumContrast(encoder, MOCO),
        "isd": lambda: SelfDistillation(
            encoder,
            isd.Settings(
                head="mlp_bn",
                queue=20,
                momentum=0.9,
                student_temperature=0.1,
                teacher_temperature=0.02,
            ),
        ),
    }
    return made[method](), FlippedPairs(images)


def fresh_copies(images):
    pool = EditPool(("crop", "hflip", "saturation"), (0.1, 0.5), (1, 2))
    paths, ids = images._paths, images._ids  # by which copies are drawn: the same in every folder
    return FreshCopies(ids, paths, Copier(pool, tuple(paths), 48, 90), 0, 32)


def test_fresh_copies_differ_from_epoch_to_epoch_and_are_made_alike_anew(images):
    copies = fresh_copies(images)
    loaded = Indexed(copies)
    index, first = loaded[5]
    later, second = loaded[5 + len(copies)]
    assert index == later == 5 and copies.name(5) == images.name(5)
    assert first.shape == (3, 32, 32) and not torch.equal(first, second)
    assert torch.equal(second, Indexed(fresh_copies(images))[5 + len(copies)][1])


def test_one_network_learns_from_the_bank_of_its_own_snapshot(encoder, images, tmp_path):
    made = []

    def describe(snapshot):
        made.append(bank_of(snapshot, images))
        return made[-1]

    settings = solo.Settings(temperature=0.1, batch_size=8, renew_every=16)
    start = bank_of(encoder, images)
    objective = OwnBank(encoder, settings, describe)
    config = replace(CONFIG, images=400, learning_rate=2e-3)
    history = train(encoder, objective, fresh_copies(images), tmp_path / "c.pt", config).history
    assert len(made) == 25 and torch.equal(made[0], start)
    assert not torch.equal(made[0], made[1])
    assert np.mean([r["loss"] for r in history[-5:]]) < np.mean([r["loss"] for r in history[:5]])


def test_the_best_weights_are_kept_and_a_training_ends_when_nothing_is_gained(
    encoder, images, tmp_path
):
    """Stopped between the looks, too: what was seen before counts on.

    Of equally good weights the last are kept, which is no gain to wait for.
    """
    scores, seen, taken = {1: 0.1, 2: 0.5, 3: 0.4, 4: 0.5, 5: 0.9}, {}, []

    def measure(looked_at):
        assert not looked_at.training
        seen[len(seen) + 1] = looked_at.head.weight.clone()
        if len(seen) == 4 and not taken:
            taken.append(seen.pop(4))
            raise KeyboardInterrupt
        return scores[len(seen)]

    config = replace(CONFIG, images=160, checkpoint_every=2)
    for attempt in range(2):
        objective = FrozenBank(FrozenSide(bank_of(encoder, images)), QK)
        validation = Validation(measure, every=3, patience=2)
        training = Training(encoder, objective, config, parts=4, validation=validation)
        checkpoint = Checkpoint(tmp_path / "c.pt", fingerprint(run=1))
        try:
            training.run(images, 0, checkpoint)
        except KeyboardInterrupt:
            assert attempt == 0
    assert [row["validation"] for row in training.history if "validation" in row] == [
        *(scores[n] for n in (1, 2, 3, 4)),
    ]
    assert list(training.snapshots) == [5, 10, 15, 20] and training.history[-1]["step"] == 12
    for end in (15, 20):
        assert torch.equal(training.snapshots[end]["head.weight"], seen[4])
    assert not torch.equal(training.snapshots[10]["head.weight"], seen[4])


def test_a_validation_that_finds_everything_keeps_what_was_trained_and_says_so_once(
    encoder, images, tmp_path, caplog
):
    bank = FrozenBank(FrozenSide(bank_of(encoder, images)), QK)
    training = Training(encoder, bank, CONFIG, validation=Validation(lambda _: 1.0, every=2))
    training.run(images, 0, Checkpoint(tmp_path / "c.pt", fingerprint(run=1)))
    kept = training.snapshots[training.steps]
    assert all(torch.equal(kept[name], t) for name, t in encoder.state_dict().items())
    told = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert told == [
        "step 2: every copy was found, so that the validation cannot tell what is better from now "
        "on; raise train.*.validation_images"
    ]


def test_a_training_that_was_killed_when_it_had_ended_takes_no_step_more(encoder, images, tmp_path):
    config, histories = replace(CONFIG, images=160, checkpoint_every=3, log_every=1), []
    for _ in range(2):  # the second goes on from the state of the very step at which it ends
        validation = Validation(lambda encoder: 0.5, every=3, patience=2)
        objective = FrozenBank(FrozenSide(bank_of(encoder, images)), QK)
        training = Training(encoder, objective, config, parts=2, validation=validation)
        training.run(images, 0, Checkpoint(tmp_path / "c.pt", fingerprint(run=1)))
        histories.append([row["step"] for row in training.history])
    assert histories == [[*range(1, 10)]] * 2


def test_a_row_of_the_history_has_the_mean_loss_since_the_row_before(encoder, images, tmp_path):
    start, histories = copy.deepcopy(encoder.state_dict()), {}
    for every in (1, 4):
        encoder.eval().load_state_dict(start)
        objective = FrozenBank(FrozenSide(bank_of(encoder, images)), QK)
        config = replace(CONFIG, log_every=every)
        path = tmp_path / f"{every}.pt"
        histories[every] = train(encoder, objective, images, path, config).history
    losses = [row["loss"] for row in histories[1]]
    found = [row["loss"] for row in histories[4]]
    assert found == pytest.approx([np.mean(losses[:4]), np.mean(losses[4:])], rel=1e-9)
    assert [row["accuracy"] for row in histories[4]] == [
        histories[1][step]["accuracy"] for step in (3, 5)
    ]
    rates = [row["learning_rate"] for row in histories[1]]
    assert rates == pytest.approx(
        [1e-3 * learning_rate_factor(n, 6, 0.1, "cosine") for n in range(6)]
    )


@pytest.mark.parametrize("method", ["qk", "simclr", "moco", "isd", "solo"])
def test_an_interrupted_run_ends_with_the_same_weights(
    encoder, images, tmp_path, monkeypatch, method
):
    """Kill it at step 5; the queue, the slow encoder, heads and random numbers come back too.

    The killed one alone shows its history, which must change nothing, and must show no step twice.
    """
    start = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    views = METHODS[method].views
    # a row every 5 steps: the state of step 4 has losses that are in none yet
    config = replace(CONFIG, images=48 * views, views=views, batch_norm="batch", log_every=5)
    runs = {}
    for name, killed_at in (("whole", None), ("cut", 5)):
        for attempt in range(1 if killed_at is None else 2):
            encoder.eval().load_state_dict(start)
            objective, data = objective_of(method, encoder, images)
            step = Training._step

            def stopped(
                self, number, *arguments, at=killed_at if attempt == 0 else None, step=step
            ):
                if number == at:
                    raise KeyboardInterrupt
                return step(self, number, *arguments)

            training = Training(encoder, objective, config, parts=2)
            with monkeypatch.context() as patch:
                patch.setattr(Training, "_step", stopped)
                try:
                    checkpoint = Checkpoint(tmp_path / name, fingerprint(run=1))
                    scalars = Scalars(str(tmp_path / "scalars") if killed_at else "")
                    training.run(data, 0, checkpoint, scalars)
                except KeyboardInterrupt:
                    assert attempt == 0 and killed_at == 5
        runs[name] = training
    assert [r["loss"] for r in runs["cut"].history] == [r["loss"] for r in runs["whole"].history]
    assert list(runs["cut"].snapshots) == [3, 6]
    for step, weights in runs["whole"].snapshots.items():
        for name, tensor in weights.items():
            assert torch.equal(tensor, runs["cut"].snapshots[step][name]), (step, name)
    assert_shown(tmp_path / "scalars", runs["cut"].history)


def test_the_seconds_before_a_stop_count_on(encoder, images, tmp_path):
    checkpoint = Checkpoint(tmp_path / "c.pt", fingerprint(run=1))
    objective = FrozenBank(FrozenSide(bank_of(encoder, images)), QK)
    train(encoder, objective, images, tmp_path / "c.pt")
    state = checkpoint.load()
    state["history"][-1]["seconds"] = 1000
    checkpoint.save(state)
    assert train(encoder, objective, images, tmp_path / "c.pt").history[-1]["seconds"] > 1000


def test_a_state_is_kept_by_time_too(encoder, images, tmp_path, monkeypatch):
    """A training may have fewer steps than there are from one to the next, and take hours."""
    monkeypatch.setattr(keeping, "SECONDS", -1e9)
    saved = []
    monkeypatch.setattr(Checkpoint, "save", lambda self, state: saved.append(state["step"]))
    objective = FrozenBank(FrozenSide(bank_of(encoder, images)), QK)
    train(encoder, objective, images, tmp_path / "c.pt", replace(CONFIG, checkpoint_every=1000))
    assert saved == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("arrives", [True, False])
def test_a_state_that_a_storage_has_not_taken_is_not_gone_on_from(
    encoder, images, tmp_path, monkeypatch, arrives
):
    noted = []
    monkeypatch.setattr("iscqk.learning.training.note_kept", lambda: noted.append(True))
    monkeypatch.setattr(Checkpoint, "save", lambda self, state: arrives)
    objective = FrozenBank(FrozenSide(bank_of(encoder, images)), QK)
    config = replace(CONFIG, checkpoint_every=4)
    training = train(encoder, objective, images, tmp_path / "c.pt", config)
    assert (training._saved, noted) == ((4, [True]) if arrives else (None, []))


def assert_shown(folder, history):
    """Assert that TensorBoard reads what was logged, each step once."""
    events = EventAccumulator(str(folder), purge_orphaned_data=False)
    events.Reload()
    assert set(events.Tags()["scalars"]) == history[0].keys() - {"step"}
    for name in ("loss", "positive_similarity"):
        shown = [(event.step, event.value) for event in events.Scalars(name)]
        assert shown == [(row["step"], pytest.approx(row[name], rel=1e-6)) for row in history]


@pytest.mark.parametrize("method", ["moco", "isd"])
def test_a_momentum_method_moves_two_encoders_and_fills_its_queue(
    encoder, images, tmp_path, method
):
    objective, data = objective_of(method, encoder, images)
    before = [parameter.clone() for parameter in objective.slow_encoder.parameters()]
    config = replace(CONFIG, batch_norm="batch", learning_rate=1e-2)
    training = train(encoder, objective, data, tmp_path / "c.pt", config)
    slow, fast = list(objective.slow_encoder.parameters()), list(encoder.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(slow, before, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(slow, fast, strict=True))
    assert len(objective.queue.rows) == 20 and int(objective.queue.count) == 48
    torch.testing.assert_close(objective.queue.rows.norm(dim=1), torch.ones(20))
    shipped = training.snapshots[training.steps]
    expected = objective.slow_encoder if method == "isd" else encoder
    assert all(torch.equal(shipped[name], t) for name, t in expected.state_dict().items())


def test_a_live_head_moves_and_the_frozen_backbone_does_not(encoder, images, tmp_path):
    features = torch.cat([features for features, _ in embed(encoder, images, 0)]).clone()
    frozen = Encoder(encoder.config)
    frozen.load_state_dict(encoder.state_dict())
    head, backbone = frozen.head.weight.clone(), frozen.backbone.state_dict()
    backbone = {name: tensor.clone() for name, tensor in backbone.items()}
    bank = FrozenBank(FrozenSide(features, encoder=frozen), QK)
    train(encoder, bank, images, tmp_path / "c.pt")
    assert not torch.equal(frozen.head.weight, head)
    assert all(torch.equal(t, backbone[n]) for n, t in frozen.backbone.state_dict().items())


def test_a_learned_temperature_moves(encoder, images, tmp_path):
    bank = FrozenBank(FrozenSide(bank_of(encoder, images)), replace(QK, learn_temperature=True))
    training = train(encoder, bank, images, tmp_path / "c.pt")
    assert bank.temperature != pytest.approx(0.1, abs=1e-4)
    assert training.history[-1]["temperature"] == bank.temperature


def test_the_head_is_partly_whitened_pca(encoder, images):
    features = torch.cat([features for features, _ in embed(encoder, images, 0)]).clone()
    for whitening in (0.0, 0.5, 1.0):
        principal_head(encoder, features, whitening)
        projected = encoder.head(features).double()
        covariance = (projected.T @ projected / len(features)).detach()
        deviations = torch.linalg.svdvals((features - features.mean(0)).double()) / 24**0.5
        expected = torch.diag(deviations[:16] ** (2 - 2 * whitening))
        torch.testing.assert_close(
            covariance, expected, rtol=1e-3, atol=1e-3 * expected.max().item()
        )


def test_a_copy_image_row_is_the_centre_of_its_views(encoder, images):
    """Two equal views give the row of one; `embed` averages features before the head."""

    class Twice:
        views = 2

        def __len__(self):
            return 2 * len(images)

        def __getitem__(self, index):
            return images[index // 2]

    once, twice = bank_of(encoder, images), bank_of(encoder, Twice())
    torch.testing.assert_close(once, twice, rtol=1e-4, atol=1e-5)


def test_features_are_the_mean_over_sizes_and_mirrored_images(encoder, images):
    side = images[0].shape[-1]
    pixels = torch.stack([images[index] for index in range(len(images))]).float()
    small = functional.interpolate(pixels, (16, 16), mode="bilinear", antialias=True)
    ways = [pixels, small, pixels.flip(3), small.flip(3)]
    with torch.inference_mode():
        wanted = sum(encoder.features(way) for way in ways) / 4
    blocks = embed(encoder, images, 0, [side, 16], orientations=2)
    found = torch.cat([features for features, _ in blocks])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    alone = torch.cat([vectors for _, vectors in embed(encoder, images, 0, [side])])
    assert torch.equal(alone, bank_of(encoder, images))  # one size is what none says


class Turned(Dataset):
    """Images as they are, upside down, or mirrored."""

    views = 1

    def __init__(self, images, turns=0, mirrored=False):
        self.images, self.turns, self.mirrored = images, turns, mirrored

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].rot90(self.turns, (1, 2))
        return image.flip(2) if self.mirrored else image


def test_over_all_orientations_an_image_and_its_turns_are_described_alike(encoder, images):
    def described(orientations, **how):
        blocks = embed(encoder, Turned(images, **how), 0, orientations=orientations)
        return torch.cat([features for features, _ in blocks])

    exact = {"rtol": 1e-4, "atol": 1e-5}
    for turns, mirrored in itertools.product(range(4), (False, True)):
        how = {"turns": turns, "mirrored": mirrored}
        torch.testing.assert_close(described(8, **how), described(8), **exact)
    torch.testing.assert_close(described(4, turns=3), described(4), **exact)
    torch.testing.assert_close(described(2, mirrored=True), described(2), **exact)
    assert (described(4, mirrored=True) - described(4)).abs().max() > 1e-3
    assert (described(2, turns=1) - described(2)).abs().max() > 1e-3


def test_more_parts_than_steps_are_refused(encoder, images):
    bank = FrozenBank(FrozenSide(bank_of(encoder, images)), QK)
    with pytest.raises(UserError, match="48 images make 6 steps of 8, too few for 7 parts"):
        Training(encoder, bank, CONFIG, parts=7)


@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_in_parts_is_the_whole_batch(encoder, images, tmp_path, parts):
    """With frozen statistics: the negatives are the bank's, so that the loss is a plain mean."""
    rows, weights = bank_of(encoder, images).flip(1), []
    for accumulate in (1, parts):
        learner = copy.deepcopy(encoder)
        config = replace(CONFIG, accumulate=accumulate, optimizer="sgd")
        bank = FrozenBank(FrozenSide(rows), QK)
        history = train(learner, bank, images, tmp_path / f"{accumulate}.pt", config).history
        weights.append([*learner.parameters(), torch.tensor([row["loss"] for row in history])])
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("accumulate", "objective", "message"),
    [
        (3, "qk", "batch_size: 8 is no multiple of train.processes times accumulate, 3; ch"),
        (2, "simclr", "accumulate: only Q/K's loss"),
    ],
)
def test_a_batch_that_cannot_be_split_is_refused(encoder, images, accumulate, objective, message):
    made = {
        "qk": lambda: FrozenBank(FrozenSide(bank_of(encoder, images)), QK),
        "simclr": lambda: InBatch(encoder, simclr.Settings(head="descriptor", temperature=0.1)),
    }[objective]()
    with pytest.raises(UserError, match=message):
        Training(encoder, made, replace(CONFIG, accumulate=accumulate))


def test_batch_statistics_of_parts_are_refused_where_there_are_any(encoder, images):
    """They would be of fewer images, and the parts would not add up; and one image has none."""
    parts = replace(CONFIG, accumulate=2, batch_norm="batch")
    with pytest.raises(UserError, match="accumulate: batch norms would take the statistics of eac"):
        Training(encoder, FrozenBank(FrozenSide(bank_of(encoder, images)), QK), parts)
    normless = Encoder(EncoderConfig("convnext_atto", 32, "gem", 16))
    bank = FrozenBank(FrozenSide(torch.eye(24, 16)), QK)
    for config in (parts, replace(CONFIG, batch_size=1, batch_norm="batch")):
        assert Training(normless, bank, config).steps


@pytest.mark.parametrize(
    ("make", "batch_norm", "what"),
    [
        (
            lambda encoder: InBatch(encoder, simclr.Settings(head="descriptor")),
            "frozen",
            "the loss",
        ),
        (
            lambda encoder: SelfDistillation(encoder, isd.Settings(head="none")),
            "frozen",
            "batch norm",
        ),
        (
            lambda encoder: MomentumContrast(encoder, moco.Settings(head="mlp_bn")),
            "frozen",
            "batch norm",
        ),
        (lambda encoder: MomentumContrast(encoder, moco.Settings()), "batch", "batch norm"),
    ],
    ids=["simclr", "isd", "mlp_bn", "batch norm"],
)
def test_one_image_at_a_time_is_refused_where_nothing_would_be_beside_it(
    encoder, make, batch_norm, what
):
    """The loss would be 0 in every step, or a norm end in a traceback."""
    config, objective = replace(CONFIG, batch_norm=batch_norm), make(encoder)
    if isinstance(objective, InBatch):
        config = replace(config, smallest_batch=simclr.METHOD.smallest_batch)
    with pytest.raises(
        UserError, match=f"batch_size: 1 is too few for {what}, which takes 2 at once; r"
    ):
        Training(encoder, objective, replace(config, batch_size=1))
    Training(encoder, objective, replace(config, batch_size=2))


@pytest.mark.parametrize("batch_norm", ["frozen", "batch"])
def test_a_loss_of_more_images_than_norms_take_keeps_its_own_number(encoder, batch_norm):
    bank = FrozenBank(FrozenSide(torch.eye(24, 16)), QK)
    config = replace(CONFIG, batch_norm=batch_norm, smallest_batch=4)
    with pytest.raises(
        UserError, match="3 is too few for the loss, which takes 4 at once; raise it to 4"
    ):
        Training(encoder, bank, replace(config, batch_size=3))
    Training(encoder, bank, replace(config, batch_size=4))


def test_the_clock_tells_waiting_from_working(monkeypatch):
    """Batches that take 3 s to come, and steps of 1 s; the first batch is not waited for."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def batches():
        for number in range(5):
            now[0] += 3
            yield number

    throughput = Throughput(batches())
    for number in throughput:
        now[0] += 1
        assert throughput.read() == ((number + 1) / (1 + 4 * number), 3 * number / (1 + 4 * number))


@pytest.mark.long
def test_compiling_changes_no_name_and_hardly_a_number(encoder, images):
    batch = torch.stack([images[i] for i in range(4)])
    names, expected = list(encoder.state_dict()), encoder.eval()(batch)
    encoder.compile_backbone()
    assert list(encoder.state_dict()) == names
    torch.testing.assert_close(encoder(batch), expected, rtol=1e-3, atol=1e-4)


def test_batch_norms_of_heads_take_a_batchs_statistics_where_the_backbones_are_frozen(
    encoder, images, tmp_path
):
    """They are new: as they begin they would leave all as it is."""
    settled = copy.deepcopy(encoder.state_dict())
    distilled = SelfDistillation(encoder, ISD)
    train(encoder, distilled, FlippedPairs(images), tmp_path / "r.pt")
    own = distilled.own_norms
    assert len(own) == 3  # student's, teacher's and predictor's
    for norm in own:
        assert norm.num_batches_tracked == 6 and norm.running_mean.abs().max() > 0
    for model in (encoder, distilled.slow_encoder):
        for name, value in model.state_dict().items():
            if "running" in name:
                assert torch.equal(value, settled[name])


class Watched(FrozenBank):
    """Notes how each module computes in a step."""

    def forward(self, encoder, *arguments):
        self.seen = {name: module.training for name, module in encoder.named_modules()}
        return super().forward(encoder, *arguments)


@pytest.mark.parametrize("batch_norm", ["frozen", "batch"])
def test_of_frozen_batch_norms_nothing_else_is_frozen(encoder, images, tmp_path, batch_norm):
    """Dropout takes part, after a look of the validation and the dry run before the steps too."""
    objective = Watched(FrozenSide(bank_of(encoder, images)), QK)
    config = replace(CONFIG, batch_norm=batch_norm, checkpoint_every=6)
    validation = Validation(lambda looked_at: float(looked_at.training), every=2)
    training = Training(encoder, objective, config, validation=validation)
    training.run(images, 0, Checkpoint(tmp_path / "r.pt", fingerprint(run=1)))
    assert [row["validation"] for row in training.history] == [0, 0, 0]
    for name, module in encoder.named_modules():
        is_norm = isinstance(module, torch.nn.BatchNorm2d)
        assert objective.seen[name] is not (is_norm and batch_norm == "frozen"), name
        assert not module.training


def test_dropout_takes_part_beside_frozen_batch_norms_and_after_a_stop(
    images, tmp_path, monkeypatch
):
    """What is looked at before the first step must draw no random number."""
    step = Training._step

    def losses(name, rate, stop=None):
        def stopped(self, number, *arguments):
            if number == stop:
                raise KeyboardInterrupt
            return step(self, number, *arguments)

        monkeypatch.setattr(Training, "_step", stopped)
        torch.manual_seed(0)
        options = {"drop_path_rate": rate}
        learner = Encoder(EncoderConfig("resnet10t", 32, "gem", 16, backbone_options=options))
        for norm in batch_norms(learner):
            torch.nn.init.ones_(norm.weight)  # a residual block's last one begins with 0
        bank = FrozenBank(FrozenSide(torch.eye(24, 16)), QK)
        return [row["loss"] for row in train(learner, bank, images, tmp_path / name).history]

    whole = losses("whole", 0.9)
    assert whole != losses("plain", 0)
    with pytest.raises(KeyboardInterrupt):
        losses("cut", 0.9, stop=3)
    assert losses("cut", 0.9) == whole


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_what_is_kept_of_the_start_is_its_share_of_all_weights(encoder, images, tmp_path, share):
    start, bank = copy.deepcopy(encoder.state_dict()), bank_of(encoder, images)
    settings = solo.Settings(temperature=0.1, keep_of_start=share)
    training = train(encoder, OwnBank(encoder, settings, lambda _: bank), images, tmp_path / "r.pt")
    end, kept = encoder.state_dict(), training.snapshots[training.steps]
    assert not torch.equal(end["head.weight"], start["head.weight"])
    for name, tensor in kept.items():
        if tensor.is_floating_point():
            mean = (1 - share) * end[name] + share * start[name]
            torch.testing.assert_close(tensor, mean, rtol=1e-5, atol=1e-6)


def test_what_is_kept_computes_by_itself(encoder, images):
    """As a training has its encoder compute in faster ways, which a copy of it would share."""
    kept = OwnBank(encoder, solo.Settings(keep_of_start=0.5), lambda _: None)
    pixels = torch.stack([images[number] for number in range(2)])
    expected = encoder.eval()(pixels).detach()
    encoder.backbone.forward_features = None
    torch.testing.assert_close(kept.shipped(encoder).eval()(pixels), expected)
