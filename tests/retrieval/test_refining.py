"""Joining, whitening and subtracting, against slow float64 versions and the rules."""

from dataclasses import replace

import numpy as np
import pytest

from iscqk.errors import UserError
from iscqk.retrieval.refining import (
    Refinement,
    fit_projection,
    fit_projections,
    joined,
    load_projection,
    save_projection,
    without_negatives,
)
from unit_rows import unit


def unit_rows(count, size, seed):
    rows = np.random.default_rng(seed).standard_normal((count, size))
    return unit(rows * np.linspace(3, 0.5, size) + 0.3)


def slow_projection(training, rows, size, whitening):
    """The same by the singular values of all rows at once."""
    centre = training.astype(float).mean(0)
    _, values, directions = np.linalg.svd(training.astype(float) - centre, full_matrices=False)
    scale = (values / len(training) ** 0.5)[:size] ** whitening
    return unit((rows.astype(float) - centre) @ directions[:size].T / scale, float)


@pytest.mark.parametrize("whitening", [0, 0.5, 1])
def test_projection_is_the_partly_whitened_pca(whitening):
    training, rows = unit_rows(400, 12, 0), unit_rows(30, 12, 1)
    found = fit_projection(np.split(training, [7, 300]), 5, whitening)(rows)
    assert found.dtype == np.float32 and found.shape == (30, 5)
    wanted = slow_projection(training, rows, 5, whitening)
    np.testing.assert_allclose(found @ found.T, wanted @ wanted.T, atol=1e-5)


def test_descriptors_of_another_size_are_refused():
    projection = fit_projection([unit_rows(40, 6, 0)], 3, 0.5)
    with pytest.raises(UserError, match="of 5 dimensions for a projection of 6; learn it anew"):
        projection(unit_rows(2, 5, 1))


def test_where_rows_tell_of_few_components_others_follow_and_are_told(caplog):
    """Images that lie across what a few images span would be alike otherwise."""
    training, rows = unit_rows(4, 12, 0), unit_rows(9, 12, 1)
    projection = fit_projection([training], 8, 0.5)
    assert "finds 3 dimensions where 8 are asked for" in caplog.text
    assert "give it more images" in caplog.text
    deviations = np.linalg.svd(training - training.mean(0))[1][:3] / 2
    scaled = np.concatenate([deviations, np.full(5, deviations[-1])])
    directions = projection.weight.T * scaled[:, None] ** 0.5
    np.testing.assert_allclose(directions @ directions.T, np.eye(8), atol=1e-5)
    across = (training - projection.centre) @ projection.weight[:, 3:]
    np.testing.assert_allclose(across, 0, atol=1e-5)
    assert (np.abs((rows - projection.centre) @ projection.weight) > 1e-6).all()
    caplog.clear()
    fit_projection([unit_rows(9, 4, 0)], 4, 0.5)
    assert not caplog.text


@pytest.mark.parametrize("apart", [1e-1, 1e-3, 1e-4])
def test_rows_that_are_nearly_alike_have_no_components_of_rounding(apart, caplog):
    training = unit_rows(1, 255, 0) + apart * unit_rows(10, 255, 1)
    fit_projection([training[:4], training[4:]], 160, 0.5)
    assert "finds 9 dimensions where 160 are asked for" in caplog.text


@pytest.mark.parametrize("whitening", [0, 1])
def test_equal_rows_leave_all_as_it_is(whitening):
    training, rows = np.repeat(unit_rows(1, 5, 0), 3, 0), unit_rows(9, 5, 1)
    found = fit_projection([training], 7, whitening)(rows)
    assert found.shape == (9, 7) and (found[:, 5:] == 0).all()  # there are no more
    centred = rows - training[:1]
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=1e-5)


def test_fully_whitened_training_rows_vary_alike_in_every_direction():
    training = unit_rows(500, 12, 0)
    projection = fit_projection([training], 6, 1.0)
    white = (training - projection.centre) @ projection.weight
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(6), atol=1e-4)


def test_each_part_may_have_a_pca_of_its_own():
    sizes, whitenings, weights = (5, 3), (0, 1), (1, 0.6)
    training = [unit_rows(400, 12, 0), unit_rows(400, 7, 1)]
    rows = [unit_rows(30, 12, 2), unit_rows(30, 7, 3)]
    projection = fit_projections(
        [np.split(part, [7, 300]) for part in training], sizes, whitenings, weights
    )
    slow = []
    for part, seen, size, whitening, weight in zip(
        rows, training, sizes, whitenings, weights, strict=True
    ):
        centre = seen.astype(float).mean(0)
        _, values, directions = np.linalg.svd(seen.astype(float) - centre, full_matrices=False)
        scale = (values[:size] / 20) ** whitening  # of 400 images
        made = [
            (some.astype(float) - centre) @ directions[:size].T / scale for some in (part, seen)
        ]
        length = np.sqrt((made[1] ** 2).sum(1).mean())
        slow.append(weight * made[0] / length)
    found, wanted = projection(joined(rows, weights)), unit(np.hstack(slow), float)
    assert found.shape == (30, 8)
    np.testing.assert_allclose(found @ found.T, wanted @ wanted.T, atol=1e-5)
    np.testing.assert_array_equal(projection.weight[:12, 5:], 0)


def test_a_part_without_its_size_is_told():
    with pytest.raises(UserError, match="2 parts, 3 sizes, 2 whitenings and 2 weights"):
        fit_projections([[], []], (4, 3, 2), (0, 1), (1, 1))


def test_joined_parts_count_as_their_weights_say():
    first, second = unit_rows(6, 4, 0), unit_rows(6, 3, 1)
    rows = joined([first, second], [1, 0.5])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows @ rows.T, first @ first.T + second @ second.T / 4, atol=1e-6)


@pytest.mark.parametrize(("nearest", "share"), [(10, 0.5), (1, 0.3), (99, 0.2)])
def test_the_mean_of_the_nearest_is_subtracted(nearest, share):
    rows, training = unit_rows(150, 8, 0), unit_rows(60, 8, 1)
    slow = []
    for row in rows.astype(float):
        order = np.argsort(-(training.astype(float) @ row))[:nearest]
        slow.append(row - share * training.astype(float)[order].mean(0))
    found = without_negatives(rows, training, nearest, share)
    np.testing.assert_allclose(found, unit(np.array(slow), float), atol=1e-6)


def test_an_image_is_refined_on_its_own():
    training, rows = unit_rows(80, 8, 0), unit_rows(130, 8, 1)
    projection = fit_projection([training], 6, 0.5)

    def refined(some):
        return without_negatives(projection(some), projection(training), 5, 0.5)

    alone = np.concatenate([refined(row[None]) for row in rows])
    np.testing.assert_allclose(refined(rows), alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(refined(rows[:1]), refined(rows[:1].copy()))


def test_whatever_a_refinement_computes_by_is_in_its_digest():
    projection, training = fit_projection([unit_rows(40, 6, 0)], 3, 0.5), unit_rows(9, 3, 1)
    one = Refinement((1, 1), projection, training, 2, 0.5)
    others = [
        replace(one, weights=(1, 2)),
        replace(one, projection=replace(projection, weight=-projection.weight)),
        replace(one, projection=replace(projection, centre=-projection.centre)),
        replace(one, training=training[::-1].copy()),
        replace(one, training=None),
        replace(one, nearest=3),
        replace(one, share=0.6),
    ]
    assert len({some.digest() for some in [one, *others]}) == 8
    assert one.digest() == Refinement((1, 1), projection, training.copy(), 2, 0.5).digest()


def test_a_projection_is_read_back_and_other_files_are_refused(tmp_path):
    projection = fit_projection([unit_rows(40, 6, 0)], 3, 0.5)
    save_projection(tmp_path / "p.safetensors", projection)
    again = load_projection(tmp_path / "p.safetensors")
    np.testing.assert_array_equal(again.weight, projection.weight)
    np.testing.assert_array_equal(again.centre, projection.centre)
    (tmp_path / "other").write_text("no projection")
    with pytest.raises(UserError, match="other: no projection .* make it with `iscqk whiten`"):
        load_projection(tmp_path / "other")
