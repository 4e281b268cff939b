"""A model that nothing has taught, and copies of drawn images to find with it."""

import os

import pytest
import torch
from PIL import Image

from drawn_images import put_drawn
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.weights import save_encoder

COPIED = [3, 11, 20]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A run's folder; both sides are one random network, which sees that images are alike."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("test_resnet", 32, "gem", 16)).eval()
    for side in "qk":
        save_encoder(folder / f"{side}.safetensors", encoder, {})
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """24 references, and copies of three of them: brighter, recompressed, blurred."""
    monkeypatch.chdir(tmp_path)
    put_drawn(tmp_path / "photos", "references", 24, 0, 96)
    (tmp_path / "scans").mkdir()
    for number in COPIED:
        with Image.open(f"photos/R{number:06d}.jpg") as image:
            image.load()
        image.resize((60, 70)).save(f"scans/{number}.jpg", quality=60)
    return tmp_path


@pytest.fixture
def bar(monkeypatch):
    """Return what closes a folder to this process, as another user's may be, also to root."""
    barred, stat, access = [], os.stat, os.access

    def is_barred(path):
        is_path = isinstance(path, str | os.PathLike)
        return is_path and any(folder in os.path.abspath(path) for folder in barred)

    def look(path, *rest, **options):
        if is_barred(path):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return stat(path, *rest, **options)

    monkeypatch.setattr(os, "stat", look)
    monkeypatch.setattr(
        os, "access", lambda path, *rest: not is_barred(path) and access(path, *rest)
    )
    return lambda folder: barred.append(f"/{folder}/")
