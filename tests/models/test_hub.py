"""Encoders as folders of the model hub, read back by timm and by iscqk."""

import pytest
import timm
import torch
from timm.data import resolve_model_data_config

from iscqk.errors import UserError
from iscqk.models.encoder import Encoder, EncoderConfig, gem
from iscqk.models.hub import load_hub_folder, save_hub_folder
from iscqk.models.weights import encoder_digest

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)


def saved(folder, backbone, size, pooling):
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(backbone, size, pooling, 16, MEAN, STD)).eval()
    save_hub_folder(folder, encoder, {"half_round": "round1-q"}, "---\nlicense: mit\n---\n")
    return encoder


# A convolutional net and a transformer that is built for one size, 64 pixels here and not its own.
@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_timm_computes_the_features_of_the_encoder(tmp_path, backbone):
    encoder = saved(tmp_path, backbone, 64, "native")
    loaded = timm.create_model(f"local-dir:{tmp_path}", pretrained=True, num_classes=0).eval()
    prepared = resolve_model_data_config(loaded)
    assert (prepared["input_size"], prepared["crop_mode"]) == ((3, 64, 64), "squash")
    assert (tuple(prepared["mean"]), tuple(prepared["std"])) == (MEAN, STD)
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    scale = [torch.tensor(prepared[name]).view(3, 1, 1) for name in ("mean", "std")]
    with torch.no_grad():
        features = loaded((images / 255 - scale[0]) / scale[1])
        torch.testing.assert_close(features, encoder.features(images), rtol=1e-5, atol=1e-5)


def test_head_and_pooling_make_timms_features_a_descriptor(tmp_path):
    encoder = saved(tmp_path, "test_resnet", 32, "gem")
    loaded = timm.create_model(f"local-dir:{tmp_path}", pretrained=True, num_classes=0).eval()
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        places = loaded.forward_features((images / 255 - encoder.mean) / encoder.std)
        pooled = gem(places.flatten(2).transpose(1, 2))
        torch.testing.assert_close(encoder.project(pooled), encoder(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("backbone", "size"), [("test_resnet", 32), ("gist", 32)])
def test_a_folder_gives_the_encoder_back(tmp_path, backbone, size):
    encoder = saved(tmp_path, backbone, size, "average")
    loaded = load_hub_folder(tmp_path)
    assert encoder_digest(loaded) == encoder_digest(encoder)
    images = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(loaded(images), encoder(images))
        loaded.head.bias += 1
    assert encoder_digest(loaded) != encoder_digest(encoder)


def test_weights_that_are_not_finite_are_told(tmp_path):
    encoder = saved(tmp_path, "test_resnet", 32, "gem")
    with torch.no_grad():
        encoder.head.bias[3] = torch.nan
    save_hub_folder(tmp_path, encoder, {}, "")
    with pytest.raises(UserError, match=f"{tmp_path.name}: weights head.bias hold NaN"):
        load_hub_folder(tmp_path)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "head.safetensors"])
def test_a_damaged_folder_is_told(tmp_path, file):
    saved(tmp_path, "test_resnet", 32, "gem")
    (tmp_path / file).write_text("{}")
    with pytest.raises(
        UserError, match=f"{tmp_path.name}/{file}: no model of iscqk .*; make or copy"
    ):
        load_hub_folder(tmp_path)
