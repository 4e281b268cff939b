"""Encoders of many architectures, and their weights on disk."""

import json
import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import safetensors
import torch

from iscqk.errors import UserError
from iscqk.matching.model_bank import read_bank, write_bank
from iscqk.models.encoder import Encoder, EncoderConfig, _places_first, gem, quarters
from iscqk.models.foreign_weights import read_foreign_weights
from iscqk.models.hub import load_hub_folder, save_hub_folder
from iscqk.models.weights import (
    encoder_digest,
    load_backbone,
    load_encoder,
    read_provenance,
    save_encoder,
)
from iscqk.retrieval.refining import Projection, load_projection, save_projection

SMALL = EncoderConfig("test_resnet", 32, "gem", 16)
# A convolutional net, one with channels last, a transformer with a class token, one without.
BACKBONES = ["test_efficientnet", "swin_tiny_patch4_window7_224", "test_vit", "mixer_s32_224"]


@pytest.mark.parametrize("pooling", ["gem", "average", "quarters", "native"])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_any_backbone_gives_unit_descriptors(backbone, pooling):
    encoder = Encoder(EncoderConfig(backbone, 64, pooling, 12)).eval()
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        descriptors = encoder(images)
    assert descriptors.shape == (2, 12) and descriptors.dtype == torch.float32
    torch.testing.assert_close(descriptors.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("pooling", ["gem", "average", "quarters"])
def test_a_network_of_several_maps_has_its_own_pooling_only(pooling):
    message = f"model.pooling: {pooling} is of one map of features, and crossvit_.* set native"
    with pytest.raises(UserError, match=message):
        Encoder(EncoderConfig("crossvit_tiny_240", 240, pooling, 8))
    assert Encoder(EncoderConfig("crossvit_tiny_240", 240, "native", 8)).head.in_features == 288


def test_a_class_token_that_a_network_does_not_tell_of_is_no_place():
    made = torch.nn.Identity()  # as VOLO and CoaT
    assert _places_first(torch.zeros(2, 17, 5), made).shape == (2, 16, 5)
    assert _places_first(torch.zeros(2, 16, 5), made).shape == (2, 16, 5)


def test_a_network_without_a_pooling_of_its_own_is_told():
    with pytest.raises(UserError, match="model.pooling: gist has none of its own; set gem"):
        Encoder(EncoderConfig("gist", 32, "native", 8))


def test_gem_is_its_formula():
    places = torch.rand(2, 9, 5)
    expected = (places.double() ** 3).mean(1) ** (1 / 3)
    torch.testing.assert_close(gem(places).double(), expected, rtol=1e-5, atol=1e-6)


def test_quarters_are_the_means_of_a_square_s_quarters():
    square = torch.rand(2, 6, 6, 5, dtype=torch.float64)
    halves = slice(0, 3), slice(3, 6)
    expected = [square[:, rows, columns].mean((1, 2)) for rows in halves for columns in halves]
    torch.testing.assert_close(quarters(square.flatten(1, 2)), torch.cat(expected, 1))
    assert torch.equal(quarters(square[:, :2, :2].flatten(1, 2)), square[:, :2, :2].flatten(1))


def test_a_head_of_quarters_serves_images_of_other_sizes_too():
    encoder = Encoder(EncoderConfig("test_resnet", 64, "quarters", 16)).eval()
    pixels = torch.randint(0, 256, (1, 3, 96, 96), dtype=torch.uint8)
    assert encoder(pixels).shape == (1, 16)
    assert (encoder(pixels) - encoder(pixels.flip(3))).abs().max() > 1e-3  # the mirror image


def test_images_are_normalised_by_the_encoder_itself():
    config = EncoderConfig("test_resnet", 32, "gem", 16, mean=(0.5,) * 3, std=(0.25,) * 3)
    encoder, seen = Encoder(config).eval(), []
    encoder.backbone.conv1.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    encoder(torch.full((1, 3, 32, 32), 255, dtype=torch.uint8))
    torch.testing.assert_close(seen[0], torch.full((1, 3, 32, 32), 2.0))


def test_weights_come_back_with_all_that_is_needed(tmp_path):
    encoder = Encoder(SMALL).eval()
    save_encoder(tmp_path / "q.safetensors", encoder, {"half_round": "round1-q"})
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    loaded = load_encoder(tmp_path / "q.safetensors")
    assert torch.equal(loaded(images), encoder(images))
    with safetensors.safe_open(tmp_path / "q.safetensors", "pt") as file:
        facts = json.loads(file.metadata()["iscqk"])
    assert facts["encoder"]["backbone"] == "test_resnet" and facts["encoder"]["image_size"] == 32
    assert facts["provenance"] == {"half_round": "round1-q"}


def test_the_same_weights_are_the_same_bytes(tmp_path):
    encoder = Encoder(SMALL)
    for number in range(8):
        save_encoder(tmp_path / str(number), encoder, {"x": 1, "y": 2})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_a_digest_is_of_weights_and_of_what_is_made_of_images():
    encoder, others = Encoder(SMALL), []
    for config in (replace(SMALL, image_size=48), replace(SMALL, mean=(0.5,) * 3), SMALL):
        others.append(Encoder(config))
        others[-1].load_state_dict(encoder.state_dict())
    assert encoder_digest(others[-1]) == encoder_digest(encoder)
    others[-1].head.bias.data += 1
    assert len({encoder_digest(one) for one in [encoder, *others]}) == 4


def test_a_plain_timm_backbone_is_taken_and_another_is_refused(tmp_path):
    from safetensors.torch import save_file

    encoder, other = Encoder(SMALL), Encoder(SMALL)
    weights = {name: tensor.contiguous() for name, tensor in encoder.backbone.state_dict().items()}
    save_file(weights, tmp_path / "timm.safetensors")
    load_backbone(other, tmp_path / "timm.safetensors")
    loaded = other.backbone.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights.items())
    wrong = Encoder(EncoderConfig("test_efficientnet", 32, "gem", 16))
    with pytest.raises(UserError, match="does not fit timm's test_efficientnet") as error:
        load_backbone(wrong, tmp_path / "timm.safetensors")
    remedy = f"iscqk import-weights {tmp_path}/timm.safetensors --backbone test_efficientnet"
    assert remedy in str(error.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (EncoderConfig("resnet10", 32, "gem", 8), "timm knows no 'resnet10'; try"),
        (EncoderConfig("test_resnet", 32, "gem", 8, backbone_options={"x": 1}), "cannot build"),
    ],
)
def test_a_wrong_model_is_told(config, message):
    with pytest.raises(UserError, match=message):
        Encoder(config)


SEEN = {
    ("vit_small_patch32_224", 112): "patches of 32 pixels, and of 112 would never see the last 16 ",
    ("vit_small_patch14_dinov2", 144): "last 4 to the right and below; name 140 or 154",
    ("convnext_atto", 34): "name 32 or 36",
    ("vit_small_patch32_224", 128): "",
    ("pvt_v2_b0", 36): "",  # its patches of 7 overlap, and are padded
    ("test_resnet", 33): "",
}


@pytest.mark.parametrize(("network", "complaint"), SEEN.items(), ids=map(str, SEEN))
def test_what_lies_beyond_the_last_whole_patch_is_seen_or_refused(network, complaint):
    backbone, side = network
    options = {"depth": 1} if "it_" in backbone else {}
    make = partial(EncoderConfig, backbone, side, "average", 8)
    if complaint:
        with pytest.raises(UserError, match=f"^model.image_size: {backbone} .*{complaint}"):
            Encoder(make(backbone_options=options))
        return
    encoder = Encoder(make(backbone_options=options)).eval()
    images = torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8).repeat(2, 1, 1, 1)
    images[1, :, -1, -1] ^= 255
    first, second = encoder.features(images)
    assert (first - second).abs().max() > 0


def test_sides_beside_its_own_are_of_whole_patches_too():
    Encoder(replace(SMALL, backbone="convnext_atto")).refuse_sizes([32, 64])
    with pytest.raises(UserError, match="^describe.sizes: convnext_atto .*; name 48 or 52"):
        Encoder(replace(SMALL, backbone="convnext_atto")).refuse_sizes([32, 50])
    padded = {"depth": 1, "dynamic_img_size": True, "dynamic_img_pad": True}
    config = EncoderConfig("vit_tiny_patch16_224", 40, "average", 8, backbone_options=padded)
    Encoder(config).refuse_sizes([50])


def test_models_in_a_folder_of_any_name_are_read(tmp_path):
    place = tmp_path / os.fsdecode(b"d\xe9")
    place.mkdir()
    encoder = Encoder(SMALL).eval()
    save_encoder(path := place / "encoder.safetensors", encoder, {"round": 1})
    assert encoder_digest(load_encoder(path)) == encoder_digest(encoder)
    assert read_provenance(path) == {"round": 1}
    save_hub_folder(place, encoder, {}, "")
    assert encoder_digest(load_hub_folder(place)) == encoder_digest(encoder)
    load_backbone(encoder, place / "model.safetensors")
    assert read_foreign_weights(place / "model.safetensors").backbone
    rows = np.eye(3, dtype=np.float32)
    write_bank(place, rows)
    assert (read_bank(place) == rows).all()
    save_projection(place / "projection", Projection(rows[0], rows))
    assert (load_projection(place / "projection").weight == rows).all()


def test_files_that_are_no_weights_are_told(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"x.safetensors: cannot read these weights"):
        load_encoder(tmp_path / "x.safetensors")
    for read in (load_encoder, read_provenance, read_foreign_weights, load_projection):
        with pytest.raises(UserError, match=r"none.safetensors: no such file; check the path"):
            read(tmp_path / "none.safetensors")
        with pytest.raises(UserError, match=f"{tmp_path}: a folder; name a file"):
            read(tmp_path)
