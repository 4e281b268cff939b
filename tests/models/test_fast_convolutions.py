"""The fast ways give what the slow ones give: outputs and every gradient, in float64."""

from contextlib import nullcontext
from unittest.mock import Mock

import pytest
import torch

from iscqk.models import fast_convolutions as fast_module
from iscqk.models import torch_internals
from iscqk.models.fast_convolutions import fast_convolutions
from iscqk.models.timm_adapter import timm
from reference_networks import LookedAt, random_statistics

NETWORKS = {  # depthwise of strides 1 and 2, kernels 3 and 5, padded unevenly; dense; without norms
    "mobilenetv2_050": {},
    "tf_mobilenetv3_small_075": {},
    "resnet10t": {},
    "convnext_atto": {},
}


def network(name, **options):
    torch.manual_seed(0)
    return random_statistics(timm.create_model(name, num_classes=0, **options))


def fast(model, frozen=True):
    """Return the fast ways of a network, seen on one image."""
    weight = next(model.parameters())
    image = torch.zeros(1, 3, 64, 64, dtype=weight.dtype)
    return fast_convolutions(model, frozen, lambda: model.forward_features(image))


def outcome(model, images, way, dtype=None):
    model.zero_grad()
    images = images.clone().requires_grad_()
    with way, torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
        output = model.forward_features(images)
    (output.to(images.dtype) * torch.linspace(-1, 1, output.shape[-1])).sum().backward()
    named = model.named_parameters()
    gradients = {name: p.grad.clone() for name, p in named if p.grad is not None}
    return {"output": output.detach(), "images": images.grad, **gradients}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("side", [64, 75])
def test_outputs_and_gradients_are_those_of_the_slow_way(name, frozen, side):
    model = network(name, **NETWORKS[name]).double()
    images = torch.randn(3, 3, side, side, dtype=torch.float64)
    slow = outcome(model, images, nullcontext())
    quick = outcome(model, images, fast(model, frozen))
    assert slow.keys() == quick.keys()
    for key, value in slow.items():
        torch.testing.assert_close(
            quick[key], value, rtol=1e-7, atol=1e-9, msg=lambda told, key=key: f"{key}: {told}"
        )


def test_a_backbone_without_parameters_is_left_as_it_is():
    with fast_convolutions(torch.nn.Identity(), True, list):  # as GIST, which has none
        pass


def test_a_norm_goes_into_a_convolution_only_where_nothing_else_takes_what_that_gives():
    torch.manual_seed(0)
    model = random_statistics(LookedAt()).double()
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    slow = outcome(model, images, nullcontext())
    with fast(model):
        folded = [name for name, module in model.named_modules() if "forward" in vars(module)]
    assert folded == ["plain", "plain_norm"]
    quick = outcome(model, images, fast(model))
    for key, value in slow.items():
        torch.testing.assert_close(quick[key], value, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kernel", [(3, 3), (3, 5), (2, 4), (1, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (1, 3), (4, 2)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 2), (3, 3)])
def test_a_depthwise_convolution_of_any_kind_has_its_gradients(kernel, stride, padding):
    torch.manual_seed(0)
    model = torch.nn.Conv2d(6, 6, kernel, stride, padding, groups=6).double()
    model.forward_features = model  # as encoders call backbones
    images = torch.randn(2, 6, 11, 14, dtype=torch.float64)
    slow = outcome(model, images, nullcontext())
    quick = outcome(model, images, fast_convolutions(model, False, list))
    for key, value in slow.items():
        torch.testing.assert_close(quick[key], value, rtol=1e-12, atol=1e-12)


def test_what_pads_in_another_way_is_left_to_it():
    torch.manual_seed(0)
    model = torch.nn.Conv2d(6, 6, 3, padding=1, groups=6, padding_mode="circular").double()
    model.forward_features = model
    images = torch.randn(2, 6, 9, 9, dtype=torch.float64)
    slow = outcome(model, images, nullcontext())
    quick = outcome(model, images, fast_convolutions(model, False, list))
    for key, value in slow.items():
        torch.testing.assert_close(quick[key], value)


def test_where_onednn_takes_no_bfloat16_torch_computes(monkeypatch):
    """As on a processor without AVX-512, where its own operators refuse it."""
    monkeypatch.setattr(torch_internals, "_onednn_has_bfloat16", lambda: False)
    monkeypatch.setattr(fast_module, "convolve_and_activate", None)
    model = network("mobilenetv2_050")
    found = outcome(model, torch.randn(3, 3, 64, 64), fast(model), torch.bfloat16)
    assert all(value.isfinite().all() for value in found.values())


@pytest.mark.parametrize("name", ["mobilenetv2_050", "regnety_002"])  # ReLU6, ReLU
def test_activations_made_by_onednn_have_the_gradients_of_torch(name, monkeypatch):
    calls = Mock(wraps=fast_module.convolve_and_activate)
    monkeypatch.setattr(fast_module, "convolve_and_activate", calls)
    model = network(name)
    images = torch.randn(3, 3, 64, 64)
    slow = outcome(model, images, nullcontext())
    quick = outcome(model, images, fast(model))
    assert calls.call_count > 20
    for key, value in slow.items():
        assert (quick[key] - value).norm() < 1e-4 * value.norm(), key


@pytest.mark.parametrize("name", ["tf_mobilenetv3_small_075", "mobilenetv2_050"])
def test_bfloat16_is_as_near_to_float32_as_the_slow_way_is(name):
    model = network(name)
    images = torch.randn(8, 3, 64, 64)
    exact = outcome(model, images, nullcontext())
    errors = []
    for way in (nullcontext(), fast(model)):
        rough = outcome(model, images, way, torch.bfloat16)
        errors.append(sum((rough[k].float() - v).norm() / v.norm() for k, v in exact.items()))
    assert errors[1] < 1.2 * errors[0]


@pytest.mark.long
def test_what_torch_compiles_learns_the_same():
    model = network("mobilenetv2_050")
    images = torch.randn(3, 3, 64, 64)
    with fast(model):
        plain = outcome(model, images, nullcontext())
        model.forward_features = torch.compile(model.forward_features)
        compiled = outcome(model, images, nullcontext())
    for key, value in plain.items():
        assert (compiled[key] - value).norm() < 1e-4 * value.norm(), key


def test_batch_statistics_are_not_folded():
    model = network("mobilenetv2_050").train()
    before = model.bn1.running_mean.clone()
    with fast(model, frozen=False):
        model.forward_features(torch.randn(4, 3, 64, 64))
    assert not torch.equal(model.bn1.running_mean, before)


def test_the_network_is_as_it_was_afterwards():
    model = network("mobilenetv2_050")
    images, names = torch.randn(2, 3, 64, 64), list(model.state_dict())
    before = model.forward_features(images)
    with pytest.raises(RuntimeError, match="stop"):
        with fast(model):
            assert list(model.state_dict()) == names
            raise RuntimeError("stop")
    assert not any("forward" in vars(module) for module in model.modules())
    assert torch.equal(model.forward_features(images), before)
