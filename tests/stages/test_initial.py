"""What a training starts from: whole encoders keep their heads."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from drawn_images import put_drawn
from importing import imported
from iscqk.cli import main
from iscqk.formats.files import sha256_of
from iscqk.formats.manifest import write_manifest
from iscqk.learning.data_loading import OriginalImages
from iscqk.learning.embedding import embed
from iscqk.learning.initialization import calibrate_batch_norm, head_images
from iscqk.methods import METHODS
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.hub import save_hub_folder
from iscqk.models.modes import batch_norms
from iscqk.models.weights import encoder_digest, load_encoder, save_encoder
from iscqk.runtime.shutdown import NO_COMPILER, cause_of
from iscqk.settings.model import Model
from written_shards import write_descriptors

MODEL = {"backbone": "test_resnet", "image_size": 32, "descriptor_size": 8, "head_images": 12}


@pytest.fixture
def folder(tmp_path):
    put_drawn(tmp_path / "images", "training", 12, 0, 64)
    files = sorted((tmp_path / "images").iterdir())
    rows = [[path.stem, str(path), sha256_of(path), 64, 64] for path in files]
    columns = ["id", "path", "sha256", "width", "height"]
    write_manifest(tmp_path / "training.csv", pd.DataFrame(rows, columns=columns))
    return tmp_path


def encoder(seed, size=8):
    torch.manual_seed(seed)
    return Encoder(EncoderConfig("test_resnet", 32, "gem", size)).eval()


def initial(folder, sizes=(), given=(), **model):
    outputs = [folder / f"{side}.safetensors" for side in "qk"]
    given = ("--training", str(folder / "training.csv"), "--seed", "0", "--sizes", *sizes, *given)
    config = json.dumps({**MODEL, **model})
    status = main(["initial", *given, "--config", config, "--output", *map(str, outputs)])
    return [load_encoder(path) for path in outputs] if status == 0 else None


@pytest.fixture
def ready(folder, monkeypatch):
    """The ready model, of two networks."""
    for seed, side in enumerate(("queries", "references")):
        save_hub_folder(folder / "ready" / side, encoder(seed), {}, "", half=True)
    monkeypatch.setattr("iscqk.models.ready._FOLDER", folder / "ready")
    return folder / "ready"


def test_a_compiler_that_is_not_there_is_told_before_any_training(folder, monkeypatch, capsys):
    assert initial(folder, given=["--compile"], weights="none")
    monkeypatch.setenv("PATH", str(folder))
    assert initial(folder, given=["--compile"], weights="none") is None
    told = "error: no compiler that torch finds, as train.compile wants one; install g++"
    assert capsys.readouterr().err.splitlines()[-1].startswith(told)
    raised = RuntimeError("backend='inductor' raised:\nNo working C++ compiler found in config")
    assert cause_of(raised) == NO_COMPILER


def test_what_is_printed_of_imported_weights_is_all_that_a_start_from_them_takes(folder, capsys):
    network = timm.create_model("test_resnet")  # of fewer features than descriptors have by default
    assert imported(folder, network.state_dict(), "test_resnet", "--image-size", 32)
    printed = json.loads(capsys.readouterr().out.splitlines()[-1].removeprefix("model: "))
    found = initial(folder, **{"descriptor_size": Model.descriptor_size, **printed})
    assert found[0].head.out_features == printed["descriptor_size"] == network.num_features


def test_each_side_starts_from_that_of_the_ready_model(folder, ready):
    found = initial(folder, weights="ready")
    for side, seed in zip(found, (0, 1), strict=True):
        whole = encoder(seed).state_dict()
        for name, tensor in side.state_dict().items():
            torch.testing.assert_close(tensor, whole[name], rtol=1e-3, atol=1e-3)
    assert encoder_digest(found[0]) != encoder_digest(found[1])


def test_an_encoder_of_iscqk_is_taken_with_its_head_at_any_size(folder):
    save_encoder(folder / "given.safetensors", encoder(3), {})
    found = initial(folder, weights=str(folder / "given.safetensors"), image_size=48)
    assert encoder_digest(found[0]) == encoder_digest(found[1])
    assert found[0].config.image_size == 48
    whole = encoder(3).state_dict()
    assert all(torch.equal(t, whole[name]) for name, t in found[0].state_dict().items())


def test_fewer_dimensions_are_the_principal_ones_of_what_the_head_gives(folder):
    save_encoder(folder / "given.safetensors", encoder(3, 24), {})
    found, _ = initial(folder, weights=str(folder / "given.safetensors"), whitening=0)
    pixels = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        whole, narrow = encoder(3, 24), found
        outputs = whole.head(whole.features(pixels))
        kept = narrow.head(narrow.features(pixels))
        directions = torch.linalg.lstsq(whole.head.weight.T, found.head.weight.T).solution.T
    assert kept.shape == (4, 8)
    # A projection: no pair is farther apart than before.
    assert (torch.pdist(kept) <= torch.pdist(outputs) * 1.0001).all()
    torch.testing.assert_close(directions @ directions.T, torch.eye(8), rtol=0, atol=1e-3)
    files = sorted(map(str, (folder / "images").iterdir()))
    with torch.no_grad():  # and of what they are found on the mean is nothing
        images = OriginalImages(files, 32)
        rows = torch.cat([narrow.head(block) for block, _ in embed(narrow, images, 0)])
    assert rows.mean(0).norm() < 1e-3 * rows.norm(dim=1).mean()


def test_a_head_is_found_on_images_of_anywhere_in_a_split():
    paths = [f"{number:03}.jpg" for number in range(200)]
    first, again, other = (head_images(paths, 32, 50, seed)._paths for seed in (0, 0, 1))
    assert first == again != other
    for chosen in (first, other):
        assert len(set(chosen)) == 50 and min(chosen) < "050.jpg" and max(chosen) > "150.jpg"
    assert sorted(head_images(paths, 32, 999, 0)._paths) == paths


def test_every_image_counts_as_much_in_batch_norm_however_many_there_are():
    """65: a batch of 64 and the white one that was left had no variance, and half of the mean."""
    torch.manual_seed(0)
    network = Encoder(EncoderConfig("test_resnet", 32, "gem", 8))
    noise = np.random.default_rng(0).integers(0, 128, (64, 32, 32, 3), dtype=np.uint8)
    images = OriginalImages([*map(Image.fromarray, noise), Image.new("RGB", (32, 32), "white")], 32)
    calibrate_batch_norm(network, images)
    norm = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    found = norm.running_mean.clone()
    norm.momentum = 1  # of all at once alone
    network.train().features(torch.stack(list(images)))
    torch.testing.assert_close(found, norm.running_mean, rtol=0.02, atol=1e-3)


def test_what_batch_norms_knew_before_counts_no_more():
    noise = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    statistics = []
    for steps in (0, 3):
        torch.manual_seed(0)
        network = Encoder(EncoderConfig("test_resnet", 32, "gem", 8)).train()
        momenta = [norm.momentum for norm in batch_norms(network)]
        for _ in range(steps):
            network.features(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8))
        calibrate_batch_norm(network, OriginalImages([*map(Image.fromarray, noise)], 32))
        assert [norm.momentum for norm in batch_norms(network)] == momenta
        statistics.append(torch.cat([norm.running_var for norm in batch_norms(network)]))
    assert torch.equal(*statistics)


def test_batch_norms_are_set_to_what_a_network_gives_that_drops_nothing():
    statistics = []
    noise = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    for rate in (0, 0.9):
        options = {"drop_path_rate": rate}
        torch.manual_seed(0)
        network = Encoder(EncoderConfig("resnet10t", 32, "gem", 8, backbone_options=options))
        for norm in batch_norms(network):
            nn.init.ones_(norm.weight)
        calibrate_batch_norm(network, OriginalImages([*map(Image.fromarray, noise)], 32))
        assert not any(module.training for module in network.modules())
        statistics.append(torch.cat([norm.running_var for norm in batch_norms(network)]))
    assert torch.equal(*statistics)


def test_a_single_image_is_told_to_be_too_few(folder, capsys):
    write_manifest(folder / "training.csv", pd.read_csv(folder / "training.csv").head(1))
    assert initial(folder, weights="none") is None
    assert "error: the head's PCA needs at least 2 training images" in capsys.readouterr().err


OTHERS = [
    ({"backbone": "test_efficientnet"}, "model.backbone: test_", "test_resnet"),
    ({"pooling": "average"}, "model.pooling: ", "gem"),
    ({"mean": [0.5, 0.5, 0.5]}, "model.mean: ", "[0.485, 0.456, 0.406]"),
    ({"descriptor_size": 9}, "model.descriptor_size: ", "8"),
]


@pytest.mark.parametrize(("model", "key", "own"), OTHERS)
def test_a_config_that_says_something_else_of_weights_is_refused(folder, capsys, model, key, own):
    path = folder / "given.safetensors"
    save_encoder(path, encoder(3), {})
    assert initial(folder, weights=str(path), **model) is None
    key = key.removesuffix("test_")
    assert f"error: model.weights: {path} needs {key}{own}; set them\n" in capsys.readouterr().err


@pytest.mark.parametrize(("model", "key", "own"), OTHERS)
def test_so_is_one_that_says_something_else_of_the_ready_model(
    folder, ready, capsys, model, key, own
):
    assert initial(folder, weights="ready", **model) is None
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error: ")]
    assert key in line and own in line and "set " in line


def test_the_ready_model_brings_its_network_where_none_is_named(folder, ready):
    found, _ = initial(folder, weights="ready", backbone=None)
    assert (found.config.backbone, found.config.pooling) == ("test_resnet", "gem")


def test_other_weights_need_a_network_to_be_named(folder, capsys):
    assert initial(folder, weights="none", backbone=None) is None
    assert "error: config: model.backbone: name the network" in capsys.readouterr().err


def test_an_installation_without_a_ready_model_says_so(folder, capsys, monkeypatch):
    monkeypatch.setattr("iscqk.models.ready._FOLDER", folder / "none")
    assert initial(folder, weights="ready") is None
    assert "error: no ready model: this installation carries none" in capsys.readouterr().err


@pytest.mark.parametrize("network", ["vit_tiny_patch16_224", "test_resnet"])
def test_a_network_that_cannot_describe_at_a_size_is_told_before_it_is_trained(
    folder, capsys, network
):
    own = {"backbone": network, "weights": "none"}
    if network == "vit_tiny_patch16_224":
        assert initial(folder, ["48"], **own) is None
        told = capsys.readouterr().err.splitlines()[-1]
        assert told.startswith(f"error: describe.sizes: {network} does not take 48 pixels (")
        assert not [*folder.glob("*.safetensors")]
        own["backbone_options"] = {"dynamic_img_size": True}
    made = initial(folder, ["48"], **own)
    assert made[0].features(torch.zeros(1, 3, 48, 48, dtype=torch.uint8)).isfinite().all()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--near-duplicates", "near.csv, row 1: 'X' is no training image; remove the row"),
        ("--teacher", "seen.h5: of other images than are learned from; make it of their manifest"),
    ],
)
def test_what_others_say_of_other_images_is_told_before_anything_is_trained(
    folder, capsys, option, message
):
    (folder / "near.csv").write_text("id,near_duplicate\nT000002,X\n")
    write_descriptors(folder / "seen.h5", ["T000000"], np.ones((1, 3), np.float32), {})
    given = folder / message.replace(",", ":").partition(":")[0]
    assert initial(folder, given=[option, str(given)], weights="none") is None
    assert message in capsys.readouterr().err and not [*folder.glob("*.safetensors")]


def test_a_network_that_teaches_is_looked_at_before_anything_is_trained(folder, capsys):
    path = folder / "teacher.safetensors"
    save_encoder(path, encoder(0, size=5), {})
    assert initial(folder, given=["--teacher", str(path)], weights="none")
    path.write_bytes(path.read_bytes()[:-4])
    assert initial(folder, given=["--teacher", str(path)], weights="none") is None
    assert f"error: {path}: cannot read these weights" in capsys.readouterr().err


def test_a_method_without_a_loss_is_told_before_any_training(folder, monkeypatch, capsys):
    wrong = dataclasses.replace(METHODS["moco"], objective="iscqk.methods.moco.objective:Mocco")
    monkeypatch.setitem(METHODS, "moco", wrong)
    assert initial(folder, given=("--method", "moco"), weights="none") is None
    assert "objective:Mocco: no loss to be imported" in capsys.readouterr().err
