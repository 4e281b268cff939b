"""The fast ways give what the slow ones give: outputs and every gradient, in float64."""

from contextlib import nullcontext

import pytest
import torch

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


def test_bfloat16_is_as_near_to_float32_as_the_slow_way_is():
    model = network("tf_mobilenetv3_small_075")
    images = torch.randn(8, 3, 64, 64)
    exact = outcome(model, images, nullcontext())
    errors = []
    for way in (nullcontext(), fast(model)):
        rough = outcome(model, images, way, torch.bfloat16)
        errors.append(sum((rough[k].float() - v).norm() / v.norm() for k, v in exact.items()))
    assert errors[1] < 1.2 * errors[0]


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
