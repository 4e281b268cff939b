"""An encoder made for describing gives the descriptors of the one that it was made of."""

from collections import Counter, defaultdict

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from iscqk.learning.data_loading import OriginalImages
from iscqk.learning.embedding import embed
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.fused_convolutions import fused
from reference_networks import LookedAt, random_statistics

NETWORKS = {  # activations in the norm, apart from it and of a kind of their own; uneven; no norms
    "mobilenetv2_050": {"pad_type": "same"},
    "tf_mobilenetv3_small_075": {},
    "resnet10t": {},
    "convnext_atto": {},
}


def encoder_of(name, side=64, pooling="gem", **options):
    torch.manual_seed(0)
    made = Encoder(EncoderConfig(name, side, pooling, 16, backbone_options=options)).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):  # of a network that has been trained
            module.running_var.uniform_(0.5, 2)
            module.running_mean.normal_(0, 0.2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return made


def pixels(count, side=64):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, side, side), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("side", [64, 75])
@torch.no_grad()
def test_descriptors_are_the_same(name, side):
    encoder, images = encoder_of(name, **NETWORKS[name]), pixels(5, side)
    torch.testing.assert_close(fused(encoder)(images), encoder(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "pooling"),
    [
        ("mobilenetv2_050", {}, "gem"),  # pads strided convolutions alike on all sides
        ("mobilenetv2_050", {"pad_type": "same"}, "quarters"),  # tells places
        ("tf_efficientnet_b0", {}, "average"),
        ("tf_mixnet_s", {}, "gem"),  # kernels of several sizes in one layer
        ("efficientnet_blur_b0", {}, "gem"),
        ("tf_mobilenetv3_small_075", {}, "native"),
        ("mobilenetv4_conv_small", {}, "gem"),
        ("mobilenetv4_hybrid_medium", {}, "gem"),  # attention
    ],
)
@torch.no_grad()
def test_images_are_only_turned_where_that_changes_nothing(name, options, pooling):
    encoder, images = encoder_of(name, pooling=pooling, **options), pixels(3)
    images[:, :, :32] //= 4  # another half above
    images[:, :, :, 40:] //= 2
    torch.testing.assert_close(fused(encoder)(images), encoder(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_bfloat16_is_as_near_to_float32_as_unfused(name):
    encoder, images = encoder_of(name, **NETWORKS[name]), pixels(24)
    exact = encoder(images)
    encoder.precision = "bf16"
    errors = [(each(images) - exact).norm() for each in (encoder, fused(encoder))]
    assert 0 < errors[1] < 1.2 * errors[0]


@torch.no_grad()
def test_the_encoder_stays_as_it_is_and_lends_its_weights():
    encoder, images = encoder_of("mobilenetv2_050"), pixels(2)
    before = encoder(images)
    twin = fused(encoder)
    twin(images)
    assert torch.equal(encoder(images), before)
    assert not any("forward" in vars(module) for module in encoder.modules())
    assert all(a is b for a, b in zip(encoder.parameters(), twin.parameters(), strict=True))


def test_an_encoder_without_anything_to_fold_is_itself():
    assert fused(encoder := encoder_of("convnext_atto")) is encoder
    assert fused(twin := fused(encoder_of("mobilenetv2_050"))) is twin


@torch.no_grad()
def test_a_norm_is_folded_only_where_nothing_else_takes_what_the_convolution_gives():
    encoder = encoder_of("test_resnet")
    encoder.backbone, encoder.head = random_statistics(LookedAt()), nn.Linear(16, 16)
    twin = fused(encoder)
    changed = [name for name, module in twin.named_modules() if "forward" in vars(module)]
    assert changed == ["backbone.plain", "backbone.plain_norm"]
    torch.testing.assert_close(twin(pixels(3)), encoder(pixels(3)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_norms_that_take_the_statistics_of_the_batch_still_do():
    encoder = encoder_of("mobilenetv2_050").train()
    before = encoder.backbone.bn1.running_mean.clone()
    fused(encoder)(pixels(4))
    assert not torch.equal(encoder.backbone.bn1.running_mean, before)


class Calls(TorchDispatchMode):
    """Notes what torch computes, how often, and of how many images at once."""

    def __init__(self):
        super().__init__()
        self.at_once, self.times = defaultdict(int), Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._overloadpacket.__name__
        self.times[name] += 1
        if args and isinstance(args[0], torch.Tensor) and args[0].ndim == 4:
            self.at_once[name] = max(self.at_once[name], len(args[0]))
        return function(*args, **(kwargs or {}))


@pytest.fixture
def one_thread():
    """Of several each would compute a block, and their calls are not seen."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_images_are_described_without_a_pass_for_norms_or_padding_and_a_few_at_once(one_thread):
    encoder = encoder_of("mobilenetv2_050", side=160, pad_type="same")
    with Calls() as calls:
        list(embed(encoder, OriginalImages([None] * 40, 160), 0))
    most = {name: of for name, of in calls.at_once.items() if "batch_norm" in name or "pad" in name}
    assert set(most.values()) == {1}  # on which it is seen what can be folded
    assert 1 < calls.at_once["_convolution_pointwise"] <= 16


def test_weights_are_laid_out_anew_for_another_shape_of_images_only(one_thread):
    encoder = encoder_of("mobilenetv2_050", side=160, pad_type="same")
    convolutions = sum(isinstance(one, nn.Conv2d) for one in encoder.backbone.modules())
    with Calls() as calls:
        list(embed(encoder, OriginalImages([None] * 128, 160), 0, sizes=(112, 160)))
    assert calls.times["_convolution_pointwise"] == (4 + 8) * convolutions  # parts of 32 and of 16
    assert calls.times["_reorder_convolution_weight"] == 2 * convolutions


def test_weights_are_laid_out_anew_for_another_number_of_images_or_threads():
    made = fused(encoder_of("mobilenetv2_050"))
    convolutions = sum(isinstance(one, nn.Conv2d) for one in made.backbone.modules())
    before = torch.get_num_threads()
    with Calls() as calls, torch.inference_mode():
        try:
            for images, threads in ((1, 1), (3, 1), (3, 1), (3, 2), (3, 2)):
                torch.set_num_threads(threads)
                made(pixels(images))
        finally:
            torch.set_num_threads(before)
    assert calls.times["_reorder_convolution_weight"] == 3 * convolutions


def test_what_torch_has_compiled_is_not_taken_for_the_fused_copy():
    """It computes with the backbone that it was made of, whose kernels are not turned."""
    torch.manual_seed(0)
    config = EncoderConfig("mobilenetv2_050", 48, "gem", 8, backbone_options={"pad_type": "same"})
    encoder = Encoder(config).eval()
    encoder.precision = "fp32"
    images = torch.randint(0, 256, (3, 3, 48, 48), dtype=torch.uint8)
    with torch.no_grad():
        expected, see = encoder(images), encoder.backbone.forward_features
        encoder.backbone.forward_features = lambda pixels: see(pixels)  # as `compile_backbone` does
        twin = fused(encoder)
        assert twin.is_fused
        torch.testing.assert_close(twin(images), expected, rtol=1e-4, atol=1e-4)
