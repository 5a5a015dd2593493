"""The shape of a face against similarities and gaps that are put in by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_ceph.face_shape import FaceShape, agreement, expected_places, fit_either_side, fit_face, noise_mm
from tests.faces import SYMBOLS, face_shape, faces_mm

SHAPE = face_shape()
FACE = faces_mm(1, seed=9)[0]
"""A face that the shape was not estimated from."""
SURE = np.full(19, 0.5)


def placed(face_mm: np.ndarray, px_per_mm: float, turn_deg: float, mirrored: bool = False) -> np.ndarray:
    """A face in a film: mirrored, then turned clockwise, then moved."""
    x, y = (face_mm * [-1 if mirrored else 1, 1]).T
    angle = np.radians(turn_deg)
    turned = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], 1)
    return px_per_mm * turned + [700, 900]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("px_per_mm", "turn"), [(5.0, 0.0), (0.8, 90.0), (10.0, -170.0), (3.0, 25.0)])
def test_the_mean_face_is_laid_exactly_on_itself(px_per_mm: float, turn: float, mirrored: bool) -> None:
    points = placed(SHAPE.mean_mm, px_per_mm, turn, mirrored)
    fit = fit_face(points, SURE, SHAPE, mirrored)
    assert fit is not None and fit.mirrored == mirrored
    assert fit.working_mm == pytest.approx(1 / px_per_mm) and fit.turn_deg == pytest.approx(turn)
    np.testing.assert_allclose(fit.to_film(SHAPE.mean_mm), points, atol=1e-6)
    np.testing.assert_allclose(fit.to_face(points), SHAPE.mean_mm, atol=1e-6)
    assert agreement(points, SURE, fit, SHAPE) == pytest.approx(0.5)


def test_five_absurd_points_and_a_missing_one_do_not_move_the_fit() -> None:
    points = placed(FACE, 5, 10)
    before = fit_face(points, SURE, SHAPE)
    points[[0, 3, 8, 12, 18]] = np.random.default_rng(1).uniform(0, 1500, (5, 2))
    points[5] = np.nan
    fit = fit_face(points, SURE, SHAPE)
    assert before is not None and fit is not None
    assert abs(fit.working_mm / before.working_mm - 1) < 0.05 and abs(fit.turn_deg - before.turn_deg) < 3


def test_a_mirrored_face_agrees_with_the_mirrored_mean_only() -> None:
    points = placed(FACE, 5, 0, mirrored=True)
    right, left = (fit_face(points, SURE, SHAPE, mirrored) for mirrored in (False, True))
    assert right is not None and left is not None
    assert agreement(points, SURE, left, SHAPE) > 0.35 > 1.2 * agreement(points, SURE, right, SHAPE)


def test_a_face_is_fitted_whichever_way_it_looks() -> None:
    for mirrored in (False, True):
        fit, agreed = fit_either_side(placed(FACE, 5, 140, mirrored), np.full(19, 0.6), SHAPE)
        assert fit is not None and fit.mirrored == mirrored and agreed > 0.4


def test_fewer_than_two_points_fit_nothing() -> None:
    points = np.full((19, 2), np.nan)
    points[4] = 3, 4
    assert fit_face(points, SURE, SHAPE) is None


@pytest.mark.parametrize("turn", [0.0, 120.0])
def test_absurd_points_are_far_and_expected_where_they_were(turn: float) -> None:
    points = placed(FACE, 5, turn)
    wrong = points.copy()
    wrong[[2, 9]] += [150, -80]  # 34 mm
    wrong[13] = np.nan
    fit = fit_face(wrong, SURE, SHAPE)
    assert fit is not None
    places, distance = expected_places(wrong, np.full(19, 2.0), fit, SHAPE)
    off_mm = np.linalg.norm(places - points, axis=1) / 5
    assert off_mm[[2, 9, 13]].max() < 5
    assert distance[[2, 9]].min() > 4 and np.isnan(distance[13])
    assert np.delete(distance, [2, 9, 13]).max() < 3


def test_two_points_that_are_off_together_do_not_hide_each_other() -> None:
    points = placed(FACE, 5, 0)
    points[[6, 8]] += [100, 0]  # neighbours, 20 mm off in one direction
    fit = fit_face(points, SURE, SHAPE)
    assert fit is not None
    _, distance = expected_places(points, np.full(19, 2.0), fit, SHAPE)
    assert distance[[6, 8]].max() > 3


def test_noise_follows_confidence() -> None:
    assert noise_mm(np.array([1.0, 0.5, 0.1, 0.0, np.nan])).tolist() == [1.5, 2.0, 10.0, 30.0, 30.0]


def test_a_file_holds_the_shape(tmp_path: Path) -> None:
    SHAPE.write(tmp_path / "shape.json")
    read = FaceShape.read(tmp_path / "shape.json")
    assert read.symbols == SYMBOLS
    np.testing.assert_allclose(read.mean_mm, SHAPE.mean_mm, atol=0.005)
    np.testing.assert_allclose(read.covariance_mm2, SHAPE.covariance_mm2, atol=0.005)


def test_landmarks_are_chosen_by_symbol_and_an_unknown_one_means_no_shape(tmp_path: Path) -> None:
    SHAPE.write(tmp_path / "shape.json")
    some = FaceShape.of(tmp_path / "shape.json", ("L7", "L2"))
    assert some is not None
    np.testing.assert_allclose(some.mean_mm, SHAPE.mean_mm[[7, 2]], atol=0.005)
    np.testing.assert_allclose(some.covariance_mm2[:2, 2:], SHAPE.covariance_mm2[14:16, 4:6], atol=0.005)
    assert FaceShape.of(tmp_path / "shape.json", ("L7", "other")) is None


def test_a_file_that_holds_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "shape.json").write_text('{"symbols": ["A"]}')
    with pytest.raises(
        ValueError, match=r"Cannot read the shape of a face from '.*shape.json' \(KeyError: 'mean_mm'\)"
    ):
        FaceShape.read(tmp_path / "shape.json")
    with pytest.raises(ValueError, match=r"A face of 2 landmarks needs a mean of shape \(2, 2\)"):
        FaceShape(("A", "B"), np.zeros((3, 2)), np.zeros((4, 4)))
