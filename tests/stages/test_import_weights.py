"""Published weights, by the keys and shapes that they are published with, describe as they did."""

import json

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

import reference_networks as published
from importing import imported
from iscqk.cli import main
from iscqk.models.fitting_weights import _by_order
from iscqk.models.weights import load_encoder, read_provenance

MEAN, STD = (torch.tensor(x).view(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
EXACT = {"rtol": 0, "atol": 1e-5}


@torch.no_grad()
def descriptors(network, encoder):
    """Return what a network and its encoder make of the same pixels."""
    torch.manual_seed(0)
    side = encoder.config.image_size
    pixels = torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8)
    return network((pixels / 255 - MEAN) / STD), encoder(pixels)


def unit(network):
    return lambda x: functional.normalize(network(x))


SSCD = {
    "torchvision": (published.TorchvisionSscd, "resnet50", {}),
    "classy": (lambda: published.ClassySscd((3, 4, 6, 3)), "resnet50", {}),
    "classy, large, but less deep": (
        lambda: published.ClassySscd((2, 1, 1, 1), groups=32, base=4, size=1024),
        "resnext101_32x4d",
        {"layers": [2, 1, 1, 1]},
    ),
}


@pytest.mark.parametrize(("make", "backbone", "options"), SSCD.values(), ids=SSCD)
def test_sscd_describes_as_it_did(tmp_path, make, backbone, options):
    torch.manual_seed(0)
    network = published.random_statistics(make())
    more = ("--image-size", 64, "--backbone-options", json.dumps(options))
    encoder = imported(tmp_path, network.state_dict(), backbone, *more)
    wanted, found = descriptors(network, encoder)
    assert encoder.config.pooling == "gem" and found.shape[1] in (512, 1024)
    assert (wanted[0] - wanted[1]).abs().max() > 1e-3
    torch.testing.assert_close(found, wanted, **EXACT)


def without(network, layer):
    """Return a network of torchvision's without its classifier."""
    setattr(network, layer, nn.Identity())
    return network


@pytest.mark.parametrize(
    ("name", "layer", "backbone"),
    [
        ("resnet18", "fc", "resnet18"),
        ("mobilenet_v2", "classifier", "mobilenetv2_100"),
        ("efficientnet_b0", "classifier", "efficientnet_b0"),
        ("efficientnet_b5", "classifier", "efficientnet_b5"),
        ("efficientnet_v2_s", "classifier", "efficientnetv2_s"),
    ],
)
def test_networks_of_torchvision_describe_as_they_did(tmp_path, name, layer, backbone):
    torch.manual_seed(0)
    network = published.random_statistics(getattr(torchvision.models, name)(weights=None))
    encoder = imported(tmp_path, network.state_dict(), backbone, "--image-size", 64)
    wanted, found = descriptors(unit(without(network, layer)), encoder)
    torch.testing.assert_close(found, wanted, **EXACT)


@pytest.mark.parametrize("eps", [(), ("--backbone-options", '{"bn_eps": 0.001}')])
def test_a_mobilenet_v3_of_torchvision_goes_up_to_its_last_hidden_layer(tmp_path, eps):
    torch.manual_seed(0)
    network = published.random_statistics(torchvision.models.mobilenet_v3_large(weights=None))
    more = ("--image-size", 64, *eps)
    encoder = imported(tmp_path, network.state_dict(), "mobilenetv3_large_100", *more)
    network.classifier = network.classifier[:2]
    wanted, found = descriptors(unit(network), encoder)
    torch.testing.assert_close(found, wanted, **EXACT)


def test_weights_of_torchvision_are_not_put_into_a_network_that_pads_otherwise(tmp_path, capsys):
    weights = torchvision.models.mobilenet_v3_small(weights=None).state_dict()
    assert imported(tmp_path, weights, "tf_mobilenetv3_small_100", "--image-size", 32) is None
    told = "torchvision's weights, and tf_mobilenetv3_small_100 pads as TensorFlow does; name a"
    assert told in capsys.readouterr().err
    weights = torchvision.models.mobilenet_v2(weights=None).state_dict()
    same = ("--backbone-options", '{"pad_type": "same"}')
    assert imported(tmp_path, weights, "mobilenetv2_100", "--image-size", 32, *same) is None


def test_a_vit_of_torchvision_describes_as_it_did(tmp_path):
    torch.manual_seed(0)
    made = torchvision.models.VisionTransformer(64, 16, 2, 3, 192, 768)
    network = published.random_statistics(made)
    more = ("--image-size", 64, "--backbone-options", '{"depth": 2}')
    encoder = imported(tmp_path, network.state_dict(), "vit_tiny_patch16_224", *more)
    wanted, found = descriptors(unit(without(network, "heads")), encoder)
    torch.testing.assert_close(found, wanted, **EXACT)


@pytest.mark.parametrize(
    ("version", "registers", "backbone", "image", "patch"),
    [
        (1, 0, "vit_small_patch16_224", 64, 16),
        (2, 0, "vit_small_patch14_dinov2", 56, 14),
        (2, 4, "vit_small_patch14_reg4_dinov2", 56, 14),
    ],
)
def test_dino_describes_as_it_did(tmp_path, version, registers, backbone, image, patch):
    torch.manual_seed(0)
    made = published.Dino(image, patch, 384, 6, 2, version, registers)
    network = published.random_statistics(made)
    more = ("--image-size", image, "--backbone-options", '{"depth": 2}')
    encoder = imported(tmp_path, network.state_dict(), backbone, *more)
    wanted, found = descriptors(network, encoder)
    torch.testing.assert_close(found, wanted, **EXACT)


def test_a_vit_is_taken_to_another_size_of_images(tmp_path):
    network = published.Dino(56, 14, size=384, heads=6, depth=2, version=2)
    more = ("--image-size", 84, "--backbone-options", '{"depth": 2}')
    encoder = imported(tmp_path, network.state_dict(), "vit_small_patch14_dinov2", *more)
    assert encoder.backbone.pos_embed.shape == (1, 1 + 36, 384)


AROUND = {
    "a training": lambda weights: {"model": weights, "epoch": 3, "best": torch.tensor(0.5)},
    "several GPUs": lambda weights: {"state_dict": {f"module.{k}": v for k, v in weights.items()}},
    **{
        f"prefixes {prefix}": lambda weights, prefix=prefix: {
            f"{prefix}{k}": v for k, v in weights.items()
        }
        for prefix in (
            *("_orig_mod.module.", "module._orig_mod.", "module.module.", "model.module."),
            *("module.model.", "backbone.module.", "model.backbone._orig_mod."),
        )
    },
    "timm's running mean beside the weights": lambda weights: {
        "state_dict": {k: v * 0 for k, v in weights.items()},
        "state_dict_ema": weights,
    },
    "torchvision's running mean beside the weights": lambda weights: {
        "model": {k: v * 0 for k, v in weights.items()},
        "model_ema": {
            "n_averaged": torch.tensor(3),
            **{f"module.{k}": v for k, v in weights.items()},
        },
    },
    "a running mean by another name": lambda weights: {
        "model": {k: v * 0 for k, v in weights.items()},
        "ema_state_dict": {f"module.{k}": v for k, v in weights.items()},
    },
    **{
        f"a running mean by prefix {prefix}": lambda weights, prefix=prefix: {
            "state_dict": {
                **{f"model.{k}": v * 0 for k, v in weights.items()},
                **{f"{prefix}{k}": v for k, v in weights.items()},
            }
        }
        for prefix in ("ema_model.", "model_ema.module.")
    },
    "layers and means beside the network": lambda weights: {
        "state_dict": {
            **{f"model.{k}": v for k, v in weights.items()},
            **{"mean": torch.ones(3), "logit_scale": torch.tensor(1.0)},
            **{"data_preprocessor.std": torch.ones(3, 1), "arcface.weight": torch.ones(9, 4)},
        }
    },
    **{
        f"a dictionary {name}": lambda weights, name=name: {
            name: weights,
            "optimizer": {"state": {0: {"exp_avg": weights["conv1.0.weight"] * 0}}},
        }
        for name in ("model_state_dict", "net", "params", "ema", "weights", "module")
    },
    "a running mean of any name": lambda weights: {
        "params": {k: v * 0 for k, v in weights.items()},
        "params_ema": {f"generator.{k}": v for k, v in weights.items()},
    },
    "any prefix, beside another network": lambda weights: {
        "state_dict": {
            **{f"encoder.module.{k}": v for k, v in weights.items()},
            "decoder.0.weight": torch.ones(3, 3, 3, 3),
        }
    },
    "a running mean alone": lambda weights: {"model_ema": weights, "epoch": 3},
    "a teacher and its student": lambda weights: {
        "student": {f"module.backbone.{k}": v * 0 for k, v in weights.items()},
        "teacher": {
            **{f"module.backbone.{k}": v for k, v in weights.items()},
            "module.head.mlp.0.weight": torch.ones(4, 4),
        },
    },
}


@pytest.mark.parametrize("wrap", AROUND.values(), ids=AROUND)
def test_what_trainings_put_around_weights_is_taken_off(tmp_path, wrap):
    network = timm.create_model("test_resnet", num_classes=10)
    encoder = imported(tmp_path, wrap(network.state_dict()), "test_resnet", "--image-size", 32)
    for name, tensor in encoder.backbone.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name


def test_heads_and_means_are_those_of_what_lies_within_any_prefix(tmp_path, capsys):
    network = published.random_statistics(published.TorchvisionSscd())
    wrapped = {f"net.{name}": tensor for name, tensor in network.state_dict().items()}
    encoder = imported(tmp_path, wrapped, "resnet50", "--image-size", 32)
    assert encoder.head.out_features == 512 and encoder.config.pooling == "gem"
    small = {"depth": 1, "embed_dim": 48, "num_heads": 3}
    vit = timm.create_model("vit_tiny_patch16_224", num_classes=10, **small).state_dict()
    options = ("--image-size", 224, "--backbone-options", json.dumps(small))
    wrapped = {"net": {f"encoder.{name}": tensor for name, tensor in vit.items()}}
    assert imported(tmp_path, wrapped, "vit_tiny_patch16_224", *options).config.mean[0] == 0.5


def test_safetensors_of_timm_are_read_and_the_origin_is_kept(tmp_path, capsys):
    network = timm.create_model("test_resnet", num_classes=10)
    save_file(network.state_dict(), tmp_path / "timm.safetensors")
    made = tmp_path / "made.safetensors"
    options = ("--backbone", "test_resnet", "--pooling", "gem", "--output", str(made))
    assert main(["import-weights", str(tmp_path / "timm.safetensors"), *options]) == 0
    assert read_provenance(made)["imported"]["file"] == "timm.safetensors"
    told = capsys.readouterr().out.splitlines()[-1]
    assert '"backbone": "test_resnet"' in told and '"pooling": "gem"' in told
    encoder = load_encoder(made)
    assert torch.equal(encoder.backbone.conv1[0].weight, network.conv1[0].weight)
    assert encoder.config.descriptor_size == encoder.head.in_features


def test_a_classifier_by_the_name_of_sscds_layer_is_told_and_left_out_if_asked(tmp_path, capsys):
    network = published.random_statistics(timm.create_model("resnet18", num_classes=10))
    wrapped = {f"backbone.{name}": tensor for name, tensor in network.state_dict().items()}
    assert imported(tmp_path, wrapped, "resnet18", "--image-size", 32).head.out_features == 10
    told = "head: backbone.fc; if that is a classifier, --no-head leaves it out"
    assert told in capsys.readouterr().out
    encoder = imported(tmp_path, wrapped, "resnet18", "--image-size", 32, "--no-head")
    assert "head: none, features as they are pooled" in capsys.readouterr().out
    network.reset_classifier(0)
    wanted, found = descriptors(unit(network), encoder)
    torch.testing.assert_close(found, wanted, **EXACT)


@pytest.mark.parametrize(
    ("backbone", "classes", "mean"),
    [
        ("vit_tiny_patch16_224", 10, 0.5),
        ("vit_tiny_patch16_224", 0, 0.485),  # as DINO and MAE name theirs
        ("vit_base_patch16_siglip_224", 0, 0.5),
    ],
)
def test_weights_as_timm_publishes_them_see_as_timm_says(tmp_path, capsys, backbone, classes, mean):
    small = {"depth": 1, "embed_dim": 48, "num_heads": 3}
    weights = timm.create_model(backbone, num_classes=classes, **small).state_dict()
    options = ("--image-size", 224, "--backbone-options", json.dumps(small))
    assert imported(tmp_path, weights, backbone, *options).config.mean[0] == mean
    assert f"images: 224 pixels, mean {mean} " in capsys.readouterr().out
    assert imported(tmp_path, weights, backbone, *options, "--mean", 0.1, 0.2, 0.3).config.mean == [
        *(0.1, 0.2, 0.3)
    ]


def test_what_a_file_is_goes_by_its_content(tmp_path, capsys):
    weights = timm.create_model("test_resnet").state_dict()
    save_file(weights, tmp_path / "timm.bin")
    torch.save(weights, tmp_path / "torch.safetensors")
    given = ("--backbone", "test_resnet", "--output", str(tmp_path / "made.safetensors"))
    for name in ("timm.bin", "torch.safetensors"):
        assert main(["import-weights", str(tmp_path / name), *given]) == 0
    again = (*given[:3], str(tmp_path / "again.safetensors"))
    assert main(["import-weights", str(tmp_path / "made.safetensors"), *again]) == 1
    told = capsys.readouterr().err
    assert "made.safetensors: is one of iscqk's already; name it as model.weights" in told


def test_safetensors_by_other_names_are_told_that_they_have_no_order(tmp_path, capsys):
    path = tmp_path / "tv.safetensors"
    save_file(torchvision.models.mobilenet_v2(weights=None).state_dict(), path)
    given = ("--backbone", "mobilenetv2_100", "--output", str(tmp_path / "made.safetensors"))
    assert main(["import-weights", str(path), *given]) == 1
    assert "names, which a file of torch.save would tell by their order" in capsys.readouterr().err


def test_what_is_of_one_shape_and_another_kind_is_not_taken_for_it_by_its_place():
    norm = published.random_statistics(nn.BatchNorm2d(4)).state_dict()
    renamed = {f"layer.{name}": tensor for name, tensor in norm.items()}
    assert torch.equal(_by_order(norm, renamed)["weight"], norm["weight"])
    assert _by_order(norm, {"layer.bias": norm["bias"], **renamed}) is None  # the bias first
