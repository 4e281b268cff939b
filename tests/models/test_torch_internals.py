"""What torch does not promise to keep is as we need it, and only one module reaches for it."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import iscqk
from iscqk.models import torch_internals

ADAPTER = "torch_internals.py"


def test_flash_attention_is_attention_with_its_log_sum_exp():
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = (torch.randn(1, 8, n, 24, generator=generator) for n in (5, 33, 33))
    attended, log_sums = torch_internals.flash_attention_on_cpu(queries, keys, values)
    logits = queries.double() @ keys.double().mT
    torch.testing.assert_close(log_sums.double(), logits.logsumexp(-1), rtol=1e-5, atol=1e-5)
    expected = logits.softmax(-1) @ values.double()
    torch.testing.assert_close(attended.double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch_internals.cpu_has_fast_integers(), reason="no instructions for it")
def test_integer_products_are_exact_up_to_the_largest():
    left = torch.full((40, 256), 127, dtype=torch.int8)
    right = torch.from_numpy(np.random.default_rng(0).choice([-127, 127], (256, 33)).astype("i1"))
    product = torch_internals.integer_product(left, right)
    assert product.dtype == torch.int32
    assert torch.equal(product.long(), left.long() @ right.long())


def test_the_processor_is_as_linux_describes_it():
    facts = Path("/proc/cpuinfo")
    if not facts.exists() or "\nflags" not in facts.read_text():
        pytest.skip("this system does not list its processor's instructions")
    flags = set(facts.read_text().split())
    fast = torch_internals.cpu_has_fast_integers()  # torch may or may not count avx_vnni
    assert ("avx512_vnni" in flags) <= fast <= bool({"avx512_vnni", "avx_vnni"} & flags)
    assert torch_internals.cpu_has_bfloat16() == bool({"avx512_bf16", "amx_tile"} & flags)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize("activation", [nn.Identity(), nn.ReLU(), nn.ReLU6()])
@pytest.mark.parametrize("groups", [1, 8])
def test_a_convolution_and_its_activation_in_one_are_the_two(activation, groups):
    assert torch_internals.convolves_and_activates(activation, torch.float32)
    generator = torch.Generator().manual_seed(0)
    images = 9 * torch.randn(2, 8, 9, 9, generator=generator)
    weight, bias = (torch.randn(s, generator=generator) for s in ((8, 8 // groups, 3, 3), (8,)))
    padding, stride, dilation = (1, 1), (2, 2), (1, 1)
    found = torch_internals.convolve_and_activate(
        images, weight, bias, (padding, stride, dilation, groups), activation
    )
    expected = nn.functional.conv2d(images, weight, bias, stride, padding, dilation, groups)
    torch.testing.assert_close(found, activation(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("groups", [1, 8])
def test_a_weight_laid_out_for_one_size_gives_the_same_for_every_size(groups, dtype):
    generator = torch.Generator().manual_seed(0)
    weight = (torch.randn(64, 64 // groups, 3, 3, generator=generator) / 24).to(dtype)
    bias = torch.randn(64, generator=generator)
    options = (1, 1), (2, 2), (1, 1), groups
    laid_out = torch_internals.laid_out(weight, (2, 64, 20, 20), options)
    assert laid_out.layout != weight.layout
    for shape in ((2, 64, 20, 20), (5, 64, 7, 9), (1, 64, 3, 3)):
        images = torch.randn(shape, generator=generator).to(dtype)
        found, expected = (
            torch_internals.convolve_and_activate(images, each, bias, options, nn.ReLU6())
            for each in (laid_out, weight)
        )
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm])
def test_every_batch_norm_is_one(norm):
    assert isinstance(norm(3), torch_internals.BatchNorm)
    assert not isinstance(nn.GroupNorm(1, 3), torch_internals.BatchNorm)


def private_names_of_torch(path: Path) -> list[str]:
    """Return the names with an underscore that a module takes from torch."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch":
            found += [*node.module.split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            found += name.split(".") if name.startswith(("torch.", "nn.", "functional.")) else []
    return [name for name in found if name.startswith("_")]


def test_only_the_door_reaches_for_private_names():
    package = Path(iscqk.__file__).parent
    reaching = {path.name for path in package.rglob("*.py") if private_names_of_torch(path)}
    assert reaching == {ADAPTER}
