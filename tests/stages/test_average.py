"""Weights averaged: every number, and networks that have nothing to do with one another."""

import numpy as np
import pytest
import torch

from iscqk.cli import main
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import load_encoder, read_provenance, save_encoder


def saved(path, seed=0, **changes):
    torch.manual_seed(seed)
    usual = {"backbone": "test_resnet", "image_size": 32, "pooling": "gem", "descriptor_size": 16}
    encoder = Encoder(EncoderConfig(**usual | changes))
    save_encoder(path, encoder, {})
    return {name: value.numpy() for name, value in encoder.state_dict().items()}


@pytest.mark.parametrize(
    ("options", "shares"), [([], (0.5, 0.5)), (["--shares", "3", "1"], (0.75, 0.25))]
)
def test_every_weight_is_the_mean(tmp_path, monkeypatch, options, shares):
    monkeypatch.chdir(tmp_path)
    first, last = saved("a.safetensors"), saved("b.safetensors", 1, image_size=48)
    files = ["a.safetensors", "b.safetensors"]
    assert main(["average", *files, *options, "--output", "ab.safetensors"]) == 0
    encoder = load_encoder("ab.safetensors")
    assert encoder.config.image_size == 48
    for name, found in encoder.state_dict().items():
        if found.is_floating_point():
            wanted = shares[0] * first[name].astype(float) + shares[1] * last[name]
            np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6, atol=1e-9)
    made_of = read_provenance("ab.safetensors")["averaged"]
    assert [(one["file"], one["share"]) for one in made_of] == [
        ("a.safetensors", shares[0]),
        ("b.safetensors", shares[1]),
    ]


def test_one_file_is_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = saved("a.safetensors")
    assert main(["average", "a.safetensors", "a.safetensors", "--output", "aa.safetensors"]) == 0
    for name, found in load_encoder("aa.safetensors").state_dict().items():
        assert (found.numpy() == first[name]).all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["b.safetensors"], "a.safetensors: not the same network as b.safetensors; "),
        (["a.safetensors", "--shares", "1"], "--shares: 1 of 2 files"),
        (["a.safetensors", "--shares", "0", "0"], "--shares 0.0 0.0: name numbers from 0"),
        (["a.safetensors", "--shares", "nan", "1"], "--shares: nan: no number"),
        (["a.safetensors", "--shares", "-1", "2"], "--shares"),
        (["none.safetensors"], "none.safetensors: cannot read these weights"),
    ],
    ids=range(6),
)
def test_what_has_no_mean_is_told(tmp_path, monkeypatch, capsys, options, told):
    monkeypatch.chdir(tmp_path)
    saved("a.safetensors")
    saved("b.safetensors", descriptor_size=64)
    try:
        status = main(["average", "a.safetensors", *options, "--output", "c.safetensors"])
    except SystemExit as exit_:
        status = exit_.code
    assert status and told in capsys.readouterr().err
    assert not (tmp_path / "c.safetensors").exists()
