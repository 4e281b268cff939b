"""The drawn images: pure, varied, and like photographs in their statistics."""

import numpy as np
import pytest

from iscqk.images.demo_scenes import SCENES, draw_image, draw_split


@pytest.fixture(scope="module")
def images():
    return [draw_image(0, "training", index) for index in range(300)]


def grey(image, side):
    return np.asarray(image.convert("L").resize((side, side)), dtype=float)


def test_an_image_is_a_pure_function_of_its_arguments(images):
    np.random.seed(0)
    assert draw_image(0, "training", 7).tobytes() == images[7].tobytes()
    others = [draw_image(1, "training", 7), draw_image(0, "references", 7)]
    assert all(other.tobytes() != images[7].tobytes() for other in others)


def test_sizes_and_modes(images):
    assert all(image.mode == "RGB" and max(image.size) == 144 for image in images)
    assert all(0.65 <= min(image.size) / 144 <= 1 for image in images)
    assert max(draw_image(0, "others", 1, side=60).size) == 60


def test_no_two_are_alike(images):
    rows = np.stack([grey(image, 16).ravel() for image in images])
    rows -= rows.mean(1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert (rows @ rows.T - np.eye(len(rows))).max() < 0.98


def test_every_kind_of_scene_occurs(monkeypatch):
    drawn = set()
    spies = [lambda canvas, scene=scene: drawn.add(scene.__name__) for scene in SCENES]
    monkeypatch.setattr("iscqk.images.demo_scenes.SCENES", spies)
    for index in range(120):
        draw_image(0, "training", index, side=24)
    assert drawn == {scene.__name__ for scene in SCENES}


def test_spectra_and_contrast_are_those_of_photographs(images):
    slopes = []
    y, x = np.indices((128, 128)) - 64
    radius = np.hypot(x, y).astype(int)
    for image in images:
        pixels = grey(image, 128)
        amplitude = np.abs(np.fft.fftshift(np.fft.fft2(pixels - pixels.mean())))
        rings = np.bincount(radius.ravel(), amplitude.ravel()) / np.bincount(radius.ravel())
        frequencies = np.arange(3, 50)
        slopes.append(-np.polyfit(np.log(frequencies), np.log(rings[3:50]), 1)[0])
    assert 1.0 < np.mean(slopes) < 1.7  # 1.36 on average for 200 photographs
    assert 30 < np.mean([grey(image, 128).std() for image in images]) < 70


def test_any_number_of_workers_writes_the_same_files(tmp_path):
    for workers in (1, 2):
        draw_split(tmp_path / str(workers), "references", 40, 3, 48, workers)
    one, two = (sorted((tmp_path / str(workers)).iterdir()) for workers in (1, 2))
    assert [path.name for path in one] == [f"R{i:06d}.jpg" for i in range(40)]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
