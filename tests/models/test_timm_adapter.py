"""timm comes without what it does not need, and all of that can still be had."""

import os
import subprocess
import sys

import torch

from iscqk.models.timm_adapter import _patient_disable, timm

LIGHT = """
import sys
import iscqk.models.encoder
libraries = ("torchvision", "torch._dynamo", "sympy", "huggingface_hub", "httpx", "httpx2")
heavy = [name for name in libraries if name in sys.modules]
assert not heavy, f"importing an encoder imports {heavy}: see iscqk.models.timm_adapter"
import torchvision
from torchvision.models.feature_extraction import create_feature_extractor
from timm.layers import FrozenBatchNormAct2d
assert torchvision.models.resnet18 and torchvision.ops.FrozenBatchNorm2d
"""


def test_an_encoder_is_imported_without_torchvision_and_the_compiler():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


DOWNLOADING = """
import iscqk.models.encoder
import timm
from timm.models import _hub
import huggingface_hub
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
try:
    timm.create_model("hf-hub:nobody/nothing", pretrained=True)
except (LocalEntryNotFoundError, OSError) as error:
    print(type(error).__name__)
assert _hub.EntryNotFoundError is EntryNotFoundError
assert _hub.hf_hub_download.func is huggingface_hub.hf_hub_download
"""


def test_the_hub_is_there_for_who_asks_for_it():
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", DOWNLOADING]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("LocalEntryNotFoundError", "OfflineModeIsEnabled")


def test_what_is_not_to_be_compiled_is_called_as_it_is():
    with _patient_disable():

        @torch.compiler.disable
        def double(number):
            return 2 * number

        @torch.compiler.disable(recursive=False)
        def triple(number):
            return 3 * number

    assert (double(2), triple(2)) == (4, 6) and double.__name__ == "double"


def test_a_model_whose_code_asks_for_no_compilation_runs():
    model = timm.create_model("test_vit", num_classes=0).eval()
    assert model(torch.zeros(1, 3, 160, 160)).shape[0] == 1
