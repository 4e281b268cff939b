"""Weights from elsewhere: metadata are data, and build nothing but a network of timm's."""

import json

import pytest
import torch
from safetensors.torch import save_file

from iscqk.errors import UserError
from iscqk.models.weights import load_encoder

ENCODER = {"backbone": "test_resnet", "image_size": 32, "pooling": "gem", "descriptor_size": 16}


def write(path, encoder=None, text=None):
    text = text or json.dumps({"encoder": {**ENCODER, **(encoder or {})}, "provenance": {}})
    save_file({"head.weight": torch.zeros(2, 2)}, path, {"iscqk": text})


@pytest.mark.parametrize(
    ("encoder", "complaint"),
    [
        ({"backbone_options": {"checkpoint_path": "evil.pth"}}, "checkpoint_path would load other"),
        ({"backbone_options": {"pretrained_cfg": {"file": "evil.pth"}}}, "would load other files"),
        ({"backbone_options": {"pretrained": True}}, "would load other files"),
        ({"backbone": "hf-hub:someone/model"}, "timm knows no"),
        ({"backbone": "local-dir:/tmp"}, "timm knows no"),
        ({"image_size": 10**9}, "image_size: 1000000000; it must be from 1 to"),
        ({"descriptor_size": 10**12}, "descriptor_size: 1000000000000; it must be from 1 to"),
        ({"descriptor_size": "16"}, "descriptor_size: 16; it must be"),
        ({"pooling": "max"}, "pooling: max; it must be one of gem, average, quarters, native"),
        ({"pooling": ["gem"]}, "it must be one of gem"),
        ({"backbone": 5}, "backbone: 5; it must be a network's name"),
        ({"std": [0.2, 0, 0.2]}, "std: .0.2, 0, 0.2.; it must be three numbers from 1e-06 to"),
        ({"std": [0.2, 0.2, float("nan")]}, "std: .0.2, 0.2, nan.; it must be three numbers"),
        ({"mean": [0.5, 10**400, 0.5]}, "mean: .*; it must be three numbers from -1e"),
        ({"mean": [0.5, 0.5]}, "mean: .0.5, 0.5.; it must be three numbers"),
        ({"mean": "abc"}, "mean: abc; it must be three numbers"),
        ({"backbone_options": {"features_only": True}}, "features_only makes maps that are not"),
        ({"backbone_options": []}, "weights do not fit|is not"),
        ({"unknown": 1}, "weights do not fit their config"),
        ({}, "weights do not fit their config"),
    ],
)
def test_a_config_cannot_load_other_files_or_fill_the_memory(tmp_path, encoder, complaint):
    (tmp_path / "evil.pth").write_bytes(b"\x80\x04cos\nsystem\n.")
    write(tmp_path / "w.safetensors", encoder)
    with pytest.raises(UserError, match=complaint) as error:
        load_encoder(tmp_path / "w.safetensors")
    assert str(error.value).isprintable()
    assert str(error.value).startswith(f"{tmp_path}/w.safetensors: ")


@pytest.mark.parametrize("text", ["", "[" * 10**5, "[]", "{}", '{"encoder": 1}', '{"encoder": {}}'])
def test_metadata_that_are_something_else_are_told(tmp_path, text):
    write(tmp_path / "w.safetensors", text=text or " ")
    with pytest.raises(UserError, match="its metadata are not those of an encoder"):
        load_encoder(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    "content",
    [(2**60).to_bytes(8, "little") + b"{}", (8).to_bytes(8, "little") + b"[" * 8, b"\x80\x04."],
)
def test_headers_of_another_kind_are_told(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="cannot read these weights"):
        load_encoder(tmp_path / "w.safetensors")
