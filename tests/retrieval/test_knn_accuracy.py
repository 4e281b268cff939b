"""Nearest-neighbour accuracy against a loop."""

import numpy as np
import pandas as pd
import pytest

from iscqk.retrieval import knn_accuracy
from iscqk.retrieval.knn_accuracy import classes_of, neighbour_is_of_class, rare_classes


def test_an_image_is_right_when_the_nearest_other_one_is_of_its_class():
    rng = np.random.default_rng(0)
    features, classes = rng.normal(size=(40, 6)).astype(np.float32), np.array(list("abcd") * 10)
    expected = []
    for i in range(40):
        best, nearest = -2.0, -1
        for j in range(40):
            a, b = features[i].astype(float), features[j].astype(float)
            similarity = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            if j != i and similarity > best:
                best, nearest = similarity, j
        expected.append(classes[nearest] == classes[i])
    assert neighbour_is_of_class(features, classes).tolist() == expected
    assert 0 < sum(expected) < 40


def test_classes_are_folders_and_rare_ones_have_few_training_images():
    rows = pd.DataFrame({"path": ["x/cat/1.jpg", "x/cat/2.jpg", "x/dog/1.jpg"]})
    assert classes_of(rows).tolist() == ["cat", "cat", "dog"]
    assert rare_classes(classes_of(rows), 1) == {"dog"}
    assert rare_classes(classes_of(rows), 2) == {"cat", "dog"}  # at most so many


def test_a_feature_of_zeros_is_no_nan():
    """It is as far from every other, so that the first other one counts; the rest is untouched."""
    features = np.array([[0, 0], [1, 0], [0, 1], [0, 2]], dtype=np.float32)
    classes = np.array(["b", "b", "c", "c"])
    assert neighbour_is_of_class(features, classes).tolist() == [True, True, True, True]


@pytest.mark.parametrize("block", [1, 7, 300])
def test_blocks_find_what_the_whole_matrix_does(block, monkeypatch):
    """Ties and rows of zeros too: whole numbers, whose every product and sum is exact."""
    monkeypatch.setattr(knn_accuracy, "_BLOCK", block)
    rng = np.random.default_rng(1)
    signs = rng.choice([-1.0, 1.0], size=(150, 4)) / 2  # of length 1, and of 16 kinds
    features = np.concatenate([signs, np.zeros((10, 4)), np.eye(4)])[rng.permutation(164)]
    classes = np.array([f"{number}" for number in range(164)])  # so that any other one shows
    similarities = features @ features.T
    np.fill_diagonal(similarities, -np.inf)
    for number, nearest in enumerate(similarities.argmax(1)):
        told = classes.copy()
        told[nearest] = told[number]
        assert neighbour_is_of_class(features.astype(np.float32), told)[number]
