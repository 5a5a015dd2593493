from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from monai_ceph.plots import error_ellipses
from monai_ceph.plots.error_ellipses import ellipse, mean_shape
from monai_ceph.plots.style import RED

SYMBOLS = ["S", "N", "Po"]
SHAPE = np.array([[0.0, 0.0], [60.0, -10.0], [30.0, 70.0]])


def test_ellipse_is_the_chi_squared_contour() -> None:
    covariance = np.array([[2.0, 0.7], [0.7, 0.5]])
    outline = ellipse(covariance)
    distance = np.einsum("ki,ij,kj->k", outline, np.linalg.inv(covariance), outline)
    np.testing.assert_allclose(distance, stats.chi2.ppf(0.95, 2))


def test_errors_along_a_line_have_a_flat_ellipse() -> None:
    outline = ellipse(np.cov(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]).T))
    np.testing.assert_allclose(outline[:, 0], outline[:, 1], atol=1e-6)


def test_mean_shape_is_the_mean_of_centred_films() -> None:
    points = np.random.default_rng(0).normal(size=(8, 5, 2)) * 40
    np.testing.assert_allclose(mean_shape(points), (points - points.mean(1, keepdims=True)).mean(0), atol=1e-9)


def test_missing_landmarks_do_not_distort_the_mean_shape() -> None:
    # One face, shifted; films lack different landmarks. Centring on the remaining ones would distort the shape.
    draw = np.random.default_rng(1)
    points = SHAPE + draw.normal(0, 30, (9, 1, 2))
    for film in range(9):
        if film % 4:
            points[film, film % 4 - 1] = np.nan
    shape = mean_shape(points)
    np.testing.assert_allclose(shape - shape[0], SHAPE - SHAPE[0], atol=1e-6)


def test_landmark_on_no_film_is_nan_in_the_mean_shape() -> None:
    points = np.stack([SHAPE, SHAPE + 1])
    points[:, 1] = np.nan
    assert np.isnan(mean_shape(points)).all(-1).tolist() == [False, True, False]


def _means(figure: object) -> np.ndarray:
    dots = [line for line in figure.axes[0].lines if line.get_color() == RED and line.get_marker() == "o"]
    return np.array([[line.get_xdata()[0], line.get_ydata()[0]] for line in dots])


def test_dots_show_the_magnified_bias() -> None:
    points = np.broadcast_to(SHAPE, (5, 3, 2))
    offsets = np.random.default_rng(2).normal(0.5, 0.1, (5, 3, 2))
    offsets[0, 1] = np.nan
    means = _means(error_ellipses(offsets, points, SYMBOLS, magnification=3))
    np.testing.assert_allclose(means, SHAPE - SHAPE.mean(0) + 3 * np.nanmean(offsets, 0))


def test_y_points_down_and_both_axes_have_the_same_scale() -> None:
    axes = error_ellipses(np.zeros((4, 3, 2)), np.broadcast_to(SHAPE, (4, 3, 2)), SYMBOLS).axes[0]
    bottom, top = axes.get_ylim()
    assert bottom > top
    assert axes.get_aspect() == 1


@pytest.mark.parametrize("films", [1, 2, 3])
def test_ellipse_needs_three_films(films: int) -> None:
    offsets = np.random.default_rng(3).normal(size=(films, 3, 2))
    figure = error_ellipses(offsets, np.broadcast_to(SHAPE, (films, 3, 2)), SYMBOLS)
    note = figure.get_supxlabel()
    assert ("no ellipse, as known on fewer than 3 films: S, N, Po" in note) == (films < 3)


def test_landmark_that_was_never_found_has_only_its_cross() -> None:
    offsets = np.ones((4, 3, 2))
    offsets[:, 1] = np.nan
    figure = error_ellipses(offsets, np.broadcast_to(SHAPE, (4, 3, 2)), SYMBOLS)
    assert np.isnan(_means(figure)).all(-1).tolist() == [False, True, False]
    assert "fewer than 3 films: N" in figure.get_supxlabel()


def test_scale_bars_show_the_magnification() -> None:
    def bars(magnification: float) -> list[str]:
        offsets, points = np.ones((4, 3, 2)), np.broadcast_to(SHAPE, (4, 3, 2))
        axes = error_ellipses(offsets, points, SYMBOLS, magnification).axes[0]
        return [text.get_text() for text in axes.texts if "mm" in text.get_text()]

    assert bars(2) == ["10 mm of the shape", "10 mm of error"]
    assert bars(1) == ["10 mm"]


def test_films_without_any_reference_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least one reference point"):
        error_ellipses(np.zeros((2, 3, 2)), np.full((2, 3, 2), np.nan), SYMBOLS)


def test_different_numbers_of_films_are_an_error() -> None:
    with pytest.raises(ValueError, match="the same films, got 2 and 4"):
        error_ellipses(np.zeros((2, 3, 2)), np.zeros((4, 3, 2)), SYMBOLS)
