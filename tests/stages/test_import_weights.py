"""Published weights, by the keys and shapes that they are published with, describe as they did."""

import io
import json
import pickle

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

import reference_networks as published
from iscqk.cli import main
from iscqk.models.weights import load_encoder, read_provenance

MEAN, STD = (torch.tensor(x).view(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
EXACT = {"rtol": 0, "atol": 1e-5}


def imported(folder, content, backbone, *options):
    """Return the encoder that a saved checkpoint becomes, None where it is refused."""
    path = folder / "given.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    output = folder / "made.safetensors"
    given = ("--backbone", backbone, *map(str, options), "--output", str(output))
    return load_encoder(output) if main(["import-weights", str(path), *given]) == 0 else None


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


class Evil:
    def __reduce__(self):
        return print, ("it runs",)


def torchscript():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), file)
    return file.getvalue()


def resnet(**changes):
    weights = timm.create_model("test_resnet").state_dict()
    return {name: changes.get(name, tensor) for name, tensor in weights.items()}


REFUSED = {
    "a program": (torchscript, "a TorchScript file, which is a program and not only weights"),
    "an object": (lambda: pickle.dumps({"x": Evil()}), "holds more than weights, of which"),
    "an object beside weights": (lambda: {**resnet(), "x": Evil()}, "holds more than weights"),
    "a whole network": (
        lambda: {"model": timm.create_model("test_resnet")},
        "holds more than weights, of which nothing is run, or is no file of torch; save its st",
    ),
    "no file of torch": (lambda: b"nothing", "or is no file of torch"),
    "no weights": (lambda: {"epoch": 3}, "holds no weights by name"),
    "a list": (lambda: [torch.ones(2)], "holds no weights by name"),
    "another network": (
        lambda: timm.create_model("test_efficientnet").state_dict(),
        "not the weights of test_resnet, or by unknown names; name another --backbone",
    ),
    "a deeper network": (
        lambda: {**resnet(), "layer5.0.conv1.weight": torch.ones(3)},
        "not the weights of test_resnet",
    ),
    "a wider layer": (
        lambda: resnet(**{"conv1.0.weight": torch.ones(9, 3, 3, 3)}),
        "not the weights of test_resnet",
    ),
    "numbers that are none": (
        lambda: {**resnet(), "conv1.0.weight": torch.tensor([torch.nan])},
        "hold NaN or infinity",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_the_networks_weights_is_refused_and_nothing_runs(
    tmp_path, capsys, make, message
):
    assert imported(tmp_path, make(), "test_resnet", "--image-size", 32) is None
    told = capsys.readouterr()
    assert message in told.err and told.err.count("\n") == 1 and "it runs" not in told.out
    assert not (tmp_path / "made.safetensors").exists()


def test_a_spread_of_nothing_is_refused(tmp_path, capsys):
    """Images are divided by it: every descriptor would be no number."""
    words = ["a.pt", "--backbone", "resnet18", "--std", "0.2", "0", "0.2", "--output"]
    assert main(["import-weights", *words, str(tmp_path / "a.safetensors")]) == 1
    assert "--std 0: what is divided by; name more than 0" in capsys.readouterr().err


def test_a_mean_of_bytes_is_refused(tmp_path, capsys):
    """Every image would be nearly the same one."""
    words = ["a.pt", "--backbone", "resnet18", "--mean", "123.7", "116.3", "103.5", "--output"]
    assert main(["import-weights", *words, str(tmp_path / "a.safetensors")]) == 1
    assert "--mean, --std 123.7: channels go from 0 to 1; divide" in capsys.readouterr().err
