"""GIST against a slow version of its formulas, most of which are the authors'."""

import numpy as np
import pytest
import torch

from iscqk.methods.gist import METHOD
from iscqk.models.encoder import Encoder, EncoderConfig
from iscqk.models.gist import Gist, gabor_filters


def slow_gist(image):
    """LMgist.m but for what the module says of it, filter by filter and cell by cell in float64."""
    side, fc, w = 32, 4, 5
    n = side + 2 * w
    axis = np.fft.fftfreq(n, 1 / n)
    low = np.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / (fc / np.sqrt(np.log(2))) ** 2)
    smooth = lambda x: np.fft.ifft2(np.fft.fft2(x) * low).real  # noqa: E731
    padded = np.stack([np.pad(np.log(c + 1), w, mode="reflect") for c in image])
    white = np.stack([c - smooth(c) for c in padded])
    contrast = np.sqrt(np.abs(smooth(white.mean(0) ** 2)))
    normal = (white / (0.2 + contrast))[:, w : w + side, w : w + side]
    axis = np.fft.fftfreq(side, 1 / side)
    fy, fx = axis[:, None], axis[None]
    radius, theta = np.sqrt(fx**2 + fy**2), np.angle(fx + 1j * fy)
    values = []
    for channel in normal:
        spectrum = np.fft.fft2(channel)
        for scale, count in enumerate((8, 8, 4)):
            for k in range(count):
                turned = theta + np.pi / count * k
                turned = turned + 2 * np.pi * (turned < -np.pi) - 2 * np.pi * (turned > np.pi)
                f = 0.3 / 1.85**scale
                gabor = np.exp(
                    -10 * 0.35 * (radius / side / f - 1) ** 2
                    - 2 * 16 * count**2 / 32**2 * np.pi * turned**2
                )
                response = np.abs(np.fft.ifft2(spectrum * gabor))
                values += [
                    response[8 * i : 8 * i + 8, 8 * j : 8 * j + 8].mean()
                    for i in range(4)
                    for j in range(4)
                ]
    return np.array(values) / np.linalg.norm(values)


def test_gist_is_its_formula():
    image = np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(float)
    found = Gist(32).forward_features(torch.from_numpy(image).float()[None])[0]
    assert found.shape == (960,)
    assert found.numpy() == pytest.approx(slow_gist(image), abs=1e-6)


def test_images_that_are_described_together_are_what_each_is_alone():
    images = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (20, 3, 32, 32))).float()
    together = Gist(32).forward_features(images)
    for row in (0, 7, 8, 19):  # on both sides of what a CPU computes at once
        alone = Gist(32).forward_features(images[row : row + 1])[0]
        assert together[row].numpy() == pytest.approx(alone.numpy(), abs=1e-7)


def test_filters_answer_to_stripes_of_their_direction():
    """Horizontal frequency excites the first orientation of a scale more than the one across."""
    stripes = torch.cos(torch.arange(32) * 2 * torch.pi * 8 / 32).repeat(32, 1)
    energy = (torch.fft.fft2(stripes)[None] * gabor_filters(32)).abs().sum((1, 2))
    assert energy[0] > 5 * energy[4]  # of 8 orientations the fifth is at a right angle


def test_the_encoder_hands_gist_its_pixels_as_they_are():
    keys = ("backbone", "image_size", "pooling", "mean", "std")
    gist = {key: METHOD.changes[f"model.{key}"] for key in keys}
    encoder = Encoder(EncoderConfig(descriptor_size=8, **gist))
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(
        encoder.features(images), Gist(32).forward_features(images.float()), rtol=1e-4, atol=1e-6
    )
